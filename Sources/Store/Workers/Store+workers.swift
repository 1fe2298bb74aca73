public import Domain
public import FoundationEssentials
public import Postgres

/// A row of `workers`, with the number of tasks that it runs.
public struct WorkerRow: Sendable {
    public var id: UUID
    public var name: String
    public var host: String
    public var processID: Int
    public var version: String
    public var concurrency: Int
    public var status: WorkerStatus
    public var startedAt: Date
    public var heartbeatAt: Date
    public var running: Int

    public var json: JSONValue {
        .object([
            "worker_id": .string(id.text),
            "name": .string(name),
            "host": .string(host),
            "process_id": .number(JSONNumber(processID)),
            "version": .string(version),
            "concurrency": .number(JSONNumber(concurrency)),
            "status": .string(status.rawValue),
            "started_at": JSONValue(startedAt),
            "heartbeat_at": JSONValue(heartbeatAt),
            "running": .number(JSONNumber(running)),
        ])
    }
}

extension Store {
    /// Takes the worker's lock on this session and listens to its channel and to that of the gates, then writes its row: whoever can take the lock of a row knows
    /// that the process is gone.
    public static func register(_ worker: WorkerIdentity, on connection: isolated PostgresConnection) throws {
        // Noted first: a lock that is taken later than this tells of its worker (see `silentWorkers`).
        try connection.execute("INSERT INTO server_sessions DEFAULT VALUES ON CONFLICT DO NOTHING")
        try connection.execute("SELECT pg_advisory_lock(\(worker.lockKey))")
        try connection.script("LISTEN \(worker.channel); LISTEN \(gateChannel)")
        try connection.execute(
            """
            INSERT INTO workers (worker_id, name, host, process_id, version, concurrency, lock_key)
            VALUES (\(worker.id), \(worker.name), \(worker.host), \(worker.processID), \(worker.version), \(worker.concurrency), \(worker.lockKey))
            """)
    }

    /// Listens to the worker's channel and takes its lock on a session that replaces a lost one. False while somebody has it: the server
    /// may not have noticed the end of the old session, or a dispatcher looks this very moment. Until it is taken the lease alone says that
    /// the worker lives.
    public static func retakeLock(_ worker: WorkerIdentity, on connection: isolated PostgresConnection) throws -> Bool {
        try connection.script("LISTEN \(worker.channel); LISTEN \(gateChannel)")
        try connection.execute("INSERT INTO server_sessions DEFAULT VALUES ON CONFLICT DO NOTHING")
        let isLocked = try connection.query("SELECT pg_try_advisory_lock(\(worker.lockKey))").map { try $0.decode(Bool.self) }
        guard isLocked.first == true else { return false }
        try connection.execute("UPDATE workers SET locked_at = clock_timestamp() WHERE worker_id = \(worker.id)")
        return true
    }

    /// Renews the lease, and says how many calls at once the worker has room for now. False where the worker was taken for dead: its tasks
    /// run elsewhere. Index: `workers_pkey`.
    public static func heartbeat(_ worker: WorkerIdentity, concurrency: Int, on connection: isolated PostgresConnection) throws -> Bool {
        let count = try connection.execute(
            """
            UPDATE workers SET heartbeat_at = clock_timestamp(), concurrency = \(concurrency)
            WHERE worker_id = \(worker.id) AND status IN ('alive', 'draining')
            """)
        return count == 1
    }

    /// Which of these claims do not hold any more: their tasks were cancelled, or run elsewhere. Index: `tasks_pkey`.
    public static func lostClaims(
        _ claims: [TaskClaim], of workerID: UUID, on connection: isolated PostgresConnection
    ) throws -> [TaskClaim] {
        guard !claims.isEmpty else { return [] }
        let ids = claims.map(\.taskID)
        let attempts = claims.map { Int32(clamping: $0.attempt) }
        return try connection.query(
            """
            SELECT c.task_id, c.attempt FROM unnest(\(ids), \(attempts)) AS c (task_id, attempt)
            LEFT JOIN tasks t ON t.task_id = c.task_id AND t.attempt = c.attempt AND t.status = 'processing' AND t.assigned_worker_id = \(workerID)
            WHERE t.task_id IS NULL
            """
        ).map { row in
            let (taskID, attempt) = try row.decode(UUID.self, Int.self)
            return TaskClaim(taskID: taskID, attempt: attempt)
        }
    }

    /// The worker's claims, no more of them than a worker may have. Index: `idx_tasks_running`.
    public static func claims(of workerID: UUID, on connection: isolated PostgresConnection) throws -> [TaskClaim] {
        try connection.query(
            "SELECT task_id, attempt FROM tasks WHERE status = 'processing' AND assigned_worker_id = \(workerID) LIMIT 10000"
        ).map { row in
            let (taskID, attempt) = try row.decode(UUID.self, Int.self)
            return TaskClaim(taskID: taskID, attempt: attempt)
        }
    }

    /// Gives up claims of a worker that lives: they are nobody's from then on, and handed on like those of a worker that was lost
    /// (``requeueOrphans(limit:)``). Gives their number. Index: `tasks_pkey`.
    public static func disown(_ claims: [TaskClaim], of workerID: UUID, on connection: isolated PostgresConnection) throws -> Int {
        let ids = claims.map(\.taskID)
        let attempts = claims.map { Int32(clamping: $0.attempt) }
        return try connection.execute(
            """
            UPDATE tasks t SET assigned_worker_id = '00000000-0000-0000-0000-000000000000', updated_at = clock_timestamp()
            FROM unnest(\(ids), \(attempts)) AS c (task_id, attempt)
            WHERE t.task_id = c.task_id AND t.attempt = c.attempt AND t.status = 'processing' AND t.assigned_worker_id = \(workerID)
            """)
    }

    /// Says that the worker takes no more tasks, or has left.
    public func setWorkerStatus(_ status: WorkerStatus, of id: UUID) async throws {
        _ = try await database.execute(
            """
            UPDATE workers
            SET status = \(status.rawValue), stopped_at = CASE WHEN \(status.rawValue) = 'stopped' THEN clock_timestamp() END
            WHERE worker_id = \(id) AND status IN ('alive', 'draining')
            """)
    }

    /// The workers that are alive, and those that ended within the last hour. Indexes: `workers_pkey`, `idx_tasks_running`.
    public func workers() async throws -> [WorkerRow] {
        try await database.query(
            """
            SELECT worker_id, name, host, process_id, version, concurrency, status, started_at, heartbeat_at,
                (SELECT count(*) FROM tasks t WHERE t.assigned_worker_id = w.worker_id AND t.status = 'processing')
            FROM workers w
            WHERE status IN ('alive', 'draining') OR stopped_at > now() - interval '1 hour'
            ORDER BY worker_id LIMIT 1000
            """
        ) { row in
            var columns = row.columns
            return WorkerRow(
                id: try columns.next(), name: try columns.next(), host: try columns.next(), processID: try columns.next(),
                version: try columns.next(), concurrency: try columns.next(), status: try columns.nextCase(),
                startedAt: try columns.next(), heartbeatAt: try columns.next(), running: try columns.next())
        }
    }
}
