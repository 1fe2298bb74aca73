import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Store
import Synchronization

/// Keeps the worker known as alive: a session of its own holds the worker's advisory lock, and renews its row.
///
/// The lock goes with the process, at once; the lease is the backstop for a machine that vanishes. A session that breaks is noticed and
/// opened anew before anybody takes the worker for dead. A worker that was taken for dead, or could not renew for a lease, gets a new
/// identity, and whatever it ran under the old one is stopped: it runs elsewhere. The same session hears when a single task is not wanted
/// any more; what it did not hear, it finds out with the next heartbeat.
final class WorkerLease: Service {
    /// How often a session without the lock tries to take it.
    private static let lockRetry = Duration.milliseconds(250)

    private let configuration: WorkerConfiguration
    private let database: PostgresConfiguration
    private let logger: Logger
    private let slots: Slots
    private let running: RunningTasks
    private let readingAlong: ReadingAlong
    private let gatesWereMoved: AsyncStream<Void>.Continuation
    /// An element where a gate was closed or opened somewhere, or may have been while nobody listened.
    let gateMoves: AsyncStream<Void>
    private let term: Mutex<LeaseTerm>

    /// `running` is stopped when the worker can no longer count as alive, and single tasks of it when they are not wanted any more. Others
    /// are told how many `slots` there are.
    init(
        configuration: WorkerConfiguration, database: PostgresConfiguration, slots: Slots, running: RunningTasks,
        readingAlong: ReadingAlong, logger: Logger
    ) {
        self.configuration = configuration
        // No statement on this session may take a lease's time: the renewal would come too late.
        var database = database
        database.statementTimeout = min(database.statementTimeout, configuration.heartbeat)
        database.connectTimeout = min(database.connectTimeout, configuration.heartbeat)
        self.database = database
        self.logger = logger
        self.slots = slots
        self.running = running
        self.readingAlong = readingAlong
        (gateMoves, gatesWereMoved) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        term = Mutex(LeaseTerm(length: configuration.lease))
    }

    /// Who the worker is at this moment; nil while it is not known as alive, and must not claim.
    var identity: WorkerIdentity? { term.withLock { $0.holder(at: .now) } }

    /// Runs until the task is cancelled: a draining worker stays alive until it has recorded everything.
    func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.watchExpiry() }
            await self.holdSessions()
            group.cancelAll()
        }
    }

    /// Ends the term on time also while the database does not answer, or the process was stopped for a while.
    private func watchExpiry() async {
        while !Task.isCancelled {
            if let worker = term.withLock({ $0.expire(at: .now) }) { lose(worker, "this worker could not renew its lease") }
            let end = term.withLock { $0.end } ?? .now + configuration.heartbeat
            try? await Task.sleep(until: end, clock: .continuous)
        }
    }

    private func holdSessions() async {
        var failures = 0
        while !Task.isCancelled {
            var session: PostgresConnection?
            do {
                let connection = try await PostgresConnection.connect(database, logger: logger)
                session = connection
                let notifications = try await connection.notifications()
                let worker = try await enter(on: connection)
                failures = 0
                gatesWereMoved.yield()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // The notifications end with the session: it is noticed at once, and opened anew.
                    group.addTask { await self.heed(notifications) }
                    group.addTask { try await self.keep(worker.identity, isLocked: worker.isLocked, on: connection) }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            } catch is CancellationError {
            } catch {
                failures += 1
                logger.warning("the lease's session failed, it is opened anew", metadata: ["error": "\(error)"])
            }
            await session?.close()
            // The first try follows at once: a dispatcher may be wondering already.
            if failures > 1 {
                try? await Task.sleep(for: RetryBackoff(base: .milliseconds(100), cap: .seconds(2)).delay(retry: failures - 1))
            }
        }
    }

    /// Takes up the identity that the worker had, where nobody took it for dead; else a new one.
    private func enter(on connection: PostgresConnection) async throws -> (identity: WorkerIdentity, isLocked: Bool) {
        if let worker = term.withLock({ $0.holder(at: .now) }) {
            let isLocked = try await Self.onSession(connection) { try Store.retakeLock(worker, on: $0) }
            if try await renew(worker, on: connection) { return (worker, isLocked) }
        }
        let worker = WorkerIdentity(
            name: configuration.name, host: ProcessInfo.processInfo.hostName, processID: ProcessInfo.processInfo.processIdentifier,
            version: configuration.version, concurrency: slots.capacity)
        let start = ContinuousClock.now
        try await Self.onSession(connection) { try Store.register(worker, on: $0) }
        term.withLock { $0.begin(worker, at: start) }
        logger.info("registered", metadata: ["worker_id": "\(worker.id.text)", "name": "\(worker.name)"])
        return (worker, true)
    }

    /// Renews the lease, and finds out what is not wanted any more, until the worker is not this one any more.
    private func keep(_ worker: WorkerIdentity, isLocked: Bool, on connection: PostgresConnection) async throws {
        var isLocked = isLocked
        var renewedAt = ContinuousClock.now
        var strays = StrayClaims()
        while !Task.isCancelled {
            try await Task.sleep(for: isLocked ? configuration.heartbeat : Self.lockRetry)
            guard identity == worker else { return }
            if !isLocked { isLocked = try await Self.onSession(connection) { try Store.retakeLock(worker, on: $0) } }
            guard ContinuousClock.now - renewedAt >= configuration.heartbeat else { continue }
            renewedAt = .now
            guard try await renew(worker, on: connection) else { return }
            let claims = running.claims
            for claim in try await Self.onSession(connection, { try Store.lostClaims(claims, of: worker.id, on: $0) }) {
                running.cancel(claim)
            }
            let assigned = try await Self.onSession(connection) { try Store.claims(of: worker.id, on: $0) }
            let stray = strays.look(assigned: assigned, held: running.claims)
            if !stray.isEmpty { try await disown(stray, of: worker, on: connection) }
        }
    }

    private func disown(_ claims: [TaskClaim], of worker: WorkerIdentity, on connection: PostgresConnection) async throws {
        let count = try await Self.onSession(connection) { try Store.disown(claims, of: worker.id, on: $0) }
        logger.warning(
            "tasks that this worker is said to run are not here: they are handed on",
            metadata: ["worker_id": "\(worker.id.text)", "tasks": "\(count)"])
    }

    /// Stops the calls of tasks that were cancelled, at once, and passes on that a gate moved, and who reads along; returns when the session
    /// has ended.
    private func heed(_ notifications: AsyncStream<PostgresNotification>) async {
        for await notification in notifications {
            if notification.channel == Store.gateChannel {
                gatesWereMoved.yield()
                continue
            }
            if let request = ReadingRequest(payload: notification.payload) {
                readingAlong.read(request)
                continue
            }
            guard let taskID = UUID(text: notification.payload) else { continue }
            logger.debug("a task is not wanted any more: its call is stopped", metadata: ["task_id": "\(taskID.text)"])
            running.cancel(taskID: taskID)
        }
    }

    /// False where the worker was taken for dead, or its term has ended meanwhile.
    private func renew(_ worker: WorkerIdentity, on connection: PostgresConnection) async throws -> Bool {
        // From before the request: the server's clock may only be later.
        let start = ContinuousClock.now
        guard try await Self.onSession(connection, { try Store.heartbeat(worker, concurrency: self.slots.capacity, on: $0) }) else {
            if term.withLock({ $0.end(worker) }) { lose(worker, "this worker was taken for dead") }
            return false
        }
        return term.withLock { $0.renew(worker, at: start) }
    }

    private func lose(_ worker: WorkerIdentity, _ reason: String) {
        logger.error("\(reason): its calls are stopped", metadata: ["worker_id": "\(worker.id.text)"])
        running.cancelAll()
    }

    private static func onSession<Value: Sendable>(
        _ connection: isolated PostgresConnection, _ body: @Sendable (isolated PostgresConnection) throws -> Value
    ) async throws -> Value {
        try body(connection)
    }
}
