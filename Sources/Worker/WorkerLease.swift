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
/// new identity, and whatever it ran under the old one is stopped: it runs elsewhere. The same session hears when a single task is not
/// wanted any more; what it did not hear, it finds out with the next heartbeat.
final class WorkerLease: Service {
    private let configuration: WorkerConfiguration
    private let database: PostgresConfiguration
    private let logger: Logger
    private let running: RunningTasks
    private let current = Mutex<WorkerIdentity?>(nil)

    /// `running` is stopped when the worker can no longer count as alive, and single tasks of it when they are not wanted any more.
    init(configuration: WorkerConfiguration, database: PostgresConfiguration, running: RunningTasks, logger: Logger) {
        self.configuration = configuration
        self.database = database
        self.logger = logger
        self.running = running
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
                let notifications = try await connection.notifications()
                known = try await enter(known, on: connection)
                failures = 0
                renewedAt = .now
                try await withThrowingTaskGroup { group in
                    group.addTask { await self.heed(notifications) }
                    defer { group.cancelAll() }
                    try await self.renew(on: connection, renewedAt: &renewedAt)
                }
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
                running.cancelAll()
                return
            }
            renewedAt = .now
            let claims = running.claims
            for claim in try await Self.onSession(connection, { try Store.lostClaims(claims, of: worker.id, on: $0) }) {
                running.cancel(claim)
            }
        }
    }

    /// Stops the calls of tasks that were cancelled, at once.
    private func heed(_ notifications: AsyncStream<PostgresNotification>) async {
        for await notification in notifications {
            guard let taskID = UUID(uuidString: notification.payload) else { continue }
            logger.info("a task is not wanted any more: its call is stopped", metadata: ["task_id": "\(taskID.text)"])
            running.cancel(taskID: taskID)
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
        running.cancelAll()
    }

    private static func onSession<Value: Sendable>(
        _ connection: isolated PostgresConnection, _ body: @Sendable (isolated PostgresConnection) throws -> Value
    ) async throws -> Value {
        try body(connection)
    }
}
