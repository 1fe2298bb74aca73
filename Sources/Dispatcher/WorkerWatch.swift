import Domain
import FoundationEssentials
import Logging
import Store

/// Watches over the workers, and hands on the tasks of those that died. Needs no broker: the tasks wait in the database.
struct WorkerWatch {
    private let configuration: DispatcherConfiguration
    private let store: Store
    private let logger: Logger
    private let onHandedOn: @Sendable () -> Void
    private var suspicion: WorkerSuspicion
    private var looks = 0

    /// - Parameter onHandedOn: called when tasks wait anew.
    init(configuration: DispatcherConfiguration, store: Store, logger: Logger, onHandedOn: @escaping @Sendable () -> Void) {
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.onHandedOn = onHandedOn
        suspicion = WorkerSuspicion(confirmation: configuration.lossConfirmation)
    }

    /// Looks once a tick, and sooner after a suspicion, until the task is cancelled.
    mutating func run() async {
        while !Task.isCancelled {
            do {
                try await look()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("the workers could not be looked at, it is tried again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: suspicion.isOpen ? configuration.lossConfirmation : configuration.tick)
        }
    }

    private mutating func look() async throws {
        looks += 1
        let dead = suspicion.look(at: try await store.silentWorkers(lease: configuration.lease), now: .now)
        var lost: [UUID] = []
        if !dead.isEmpty { lost = try await store.markLost(dead, lease: configuration.lease) }
        for worker in lost {
            logger.warning("a worker is gone: its tasks are handed on", metadata: ["worker_id": "\(worker.text)"])
        }
        // Another gateway may have marked a worker and died: a look now and then finds its tasks.
        if !lost.isEmpty || looks % 10 == 1 { try await handOn() }
    }

    private func handOn() async throws {
        var handedOn = 0
        while true {
            let count = try await store.requeueOrphans(limit: 1_000)
            handedOn += count
            if count < 1_000 { break }
        }
        guard handedOn > 0 else { return }
        logger.notice("handed on tasks of workers that are gone", metadata: ["tasks": "\(handedOn)"])
        onHandedOn()
    }
}
