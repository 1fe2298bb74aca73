import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Store
import Synchronization

/// Keeps the worker known as alive: a session of its own holds the worker's advisory lock, and renews its row.
///
/// The lock goes with the process, at once; the lease is the backstop for a machine that vanishes. A worker that was taken for dead gets a
/// new identity, and whatever it ran under the old one is stopped: it runs elsewhere.
final class WorkerLease: Service {
    private let configuration: WorkerConfiguration
    private let database: PostgresConfiguration
    private let logger: Logger
    private let onLoss: @Sendable () -> Void
    private let current = Mutex<WorkerIdentity?>(nil)

    /// `onLoss` is called when the worker can no longer count as alive.
    init(
        configuration: WorkerConfiguration, database: PostgresConfiguration, logger: Logger, onLoss: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.database = database
        self.logger = logger
        self.onLoss = onLoss
    }

    /// Who the worker is at this moment; nil while it is not known as alive, and must not claim.
    var identity: WorkerIdentity? { current.withLock { $0 } }

    /// Runs until the task is cancelled: a draining worker stays alive until it has recorded everything.
    func run() async throws {
        var known: WorkerIdentity?
        var renewedAt = ContinuousClock.now
        var failures = 0
        while !Task.isCancelled {
            do {
                let connection = try await PostgresConnection.connect(database, logger: logger)
                known = try await enter(known, on: connection)
                failures = 0
                renewedAt = .now
                try await renew(on: connection, renewedAt: &renewedAt)
                await connection.close()
            } catch is CancellationError {
                break
            } catch {
                failures += 1
                logger.warning("the lease's session failed, it is opened anew", metadata: ["error": "\(error)"])
                if ContinuousClock.now - renewedAt > configuration.lease { forfeit(&known) }
                let pause = RetryBackoff(base: .milliseconds(100), cap: .seconds(2)).delay(retry: failures)
                try? await Task.sleep(for: pause)
            }
        }
    }

    /// Takes up the identity that the worker had, where nobody took it for dead; else a new one.
    private func enter(_ known: WorkerIdentity?, on connection: PostgresConnection) async throws -> WorkerIdentity {
        var known = known
        if let worker = known {
            let isStillAlive = try await Self.onSession(connection) { try Store.reclaim(worker, on: $0) }
            if isStillAlive { return publish(worker) }
            forfeit(&known)
        }
        let worker = WorkerIdentity(
            name: configuration.name, host: ProcessInfo.processInfo.hostName, processID: ProcessInfo.processInfo.processIdentifier,
            version: configuration.version, concurrency: configuration.concurrency)
        try await Self.onSession(connection) { try Store.register(worker, on: $0) }
        logger.info("registered", metadata: ["worker_id": "\(worker.id.text)", "name": "\(worker.name)"])
        return publish(worker)
    }

    private func renew(on connection: PostgresConnection, renewedAt: inout ContinuousClock.Instant) async throws {
        while !Task.isCancelled {
            try await Task.sleep(for: configuration.heartbeat)
            guard let worker = identity else { return }
            guard try await Self.onSession(connection, { try Store.heartbeat(worker, on: $0) }) else {
                logger.error("this worker was taken for dead: its calls are stopped", metadata: ["worker_id": "\(worker.id.text)"])
                current.withLock { $0 = nil }
                onLoss()
                return
            }
            renewedAt = .now
        }
    }

    private func publish(_ worker: WorkerIdentity) -> WorkerIdentity {
        current.withLock { $0 = worker }
        return worker
    }

    private func forfeit(_ known: inout WorkerIdentity?) {
        guard let worker = known else { return }
        known = nil
        current.withLock { $0 = nil }
        logger.error("this worker can no longer count as alive: its calls are stopped", metadata: ["worker_id": "\(worker.id.text)"])
        onLoss()
    }

    private static func onSession<Value: Sendable>(
        _ connection: isolated PostgresConnection, _ body: @Sendable (isolated PostgresConnection) throws -> Value
    ) async throws -> Value {
        try body(connection)
    }
}
