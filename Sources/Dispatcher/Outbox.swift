import AMQP
import Domain
import Logging
import Queues
import Store
import Synchronization

/// Admitted tasks on their way to the broker: while it confirms one batch, the next one gathers, and keeps its order.
///
/// What it refuses is sent again for a while: a quorum queue that elects another leader takes nothing for a moment. What it does not confirm
/// goes back to `pending`.
final class Outbox: Sendable {
    private struct Parcel {
        let task: AdmittedTask
        var refusals = 0
    }

    private struct State: ~Copyable {
        var waiting: [Parcel] = []
        var sending = 0
    }

    /// How often a message is sent that the broker refuses, and how long the next try waits. Together well within the age at which it would
    /// be taken for lost (``DispatcherConfiguration/messageAge``).
    private static let triesLimit = 20
    private static let pauseAfterRefusal = Duration.milliseconds(100)

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Tasks that the broker has not confirmed yet. The dispatcher admits no more while these fill its queues.
    var count: Int { state.withLock { $0.waiting.count + $0.sending } }

    func put(_ tasks: [AdmittedTask]) {
        guard !tasks.isEmpty else { return }
        state.withLock { $0.waiting += tasks.map { Parcel(task: $0) } }
        wakeUp.yield()
    }

    /// Sends what comes until the task is cancelled, then what came before.
    func run() async {
        for await _ in wakeUps { await sendAll() }
        await sendAll()
    }

    /// Unstructured, because neither the confirms nor the way back may be cut short by a shutdown: both have time limits of their own.
    func sendAll() async {
        while let parcels = next() {
            let refused = await Task { await self.send(parcels) }.value
            state.withLock { state in
                state.waiting = refused + state.waiting
                state.sending = 0
            }
        }
    }

    private func next() -> [Parcel]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            defer { state.waiting.removeAll() }
            state.sending = state.waiting.count
            return state.waiting
        }
    }

    /// Returns what is to be sent again.
    private func send(_ parcels: [Parcel]) async -> [Parcel] {
        do {
            let outcomes = try await publisher.outcomes(
                of: parcels.map { $0.task.message(configuration.partitioning) }, timeout: configuration.confirmTimeout)
            var (refused, failed): ([Parcel], [AdmittedTask]) = ([], [])
            for (var parcel, outcome) in zip(parcels, outcomes) where outcome != .confirmed {
                parcel.refusals += 1
                // Of unknown ones there may be a message already.
                if outcome == .unknown || parcel.refusals == Self.triesLimit { failed.append(parcel.task) } else { refused.append(parcel) }
            }
            if !failed.isEmpty { await takeBack(failed, AMQPError(.unconfirmed, "not every message was confirmed", outcomes: outcomes)) }
            if !refused.isEmpty { try? await Task.sleep(for: Self.pauseAfterRefusal) }
            return refused
        } catch {
            await takeBack(parcels.map(\.task), error)
            return []
        }
    }

    private func takeBack(_ tasks: [AdmittedTask], _ error: any Error) async {
        logger.warning("the broker did not confirm, the tasks go back", metadata: ["tasks": "\(tasks.count)", "error": "\(error)"])
        do {
            _ = try await store.takeBack(tasks)
        } catch {
            // They are found as messages that the broker lost.
            logger.warning("tasks could not be taken back", metadata: ["tasks": "\(tasks.count)", "error": "\(error)"])
        }
    }
}

extension AdmittedTask {
    func queue(_ partitioning: Partitioning) -> TaskQueue {
        TaskQueue(projectID: projectID, priority: priority, partitioning: partitioning)
    }

    fileprivate func message(_ partitioning: Partitioning) -> AMQPMessage {
        TaskMessage(taskID: id, projectID: projectID, priority: priority, attempt: attempt).message(partitioning: partitioning)
    }
}
