public import Domain
public import FoundationEssentials
import Postgres

/// A gateway's turn at publishing events.
public struct ExchangeTurn: Sendable, Hashable {
    /// Everything up to here was published.
    public var seq: Int64
    /// The events of some projects are written down, because they ask for it.
    public var logsSome: Bool
    /// The events of all projects are.
    public var logsAll: Bool
}

extension Store {
    /// Takes the turn, or goes on with it, for `lease` from now; nil while another gateway has it. A row by its key.
    public func takeExchangeTurn(as holder: UUID, lease: Duration) async throws -> ExchangeTurn? {
        try await database.query(
            """
            UPDATE exchange_pump SET holder = \(holder), held_until = now() + \(lease / .seconds(1)) * interval '1 second'
            WHERE holder = \(holder) OR held_until < now()
            RETURNING seq, EXISTS (SELECT FROM event_listeners WHERE kind = 'exchange' AND project_id IS NOT NULL),
                EXISTS (SELECT FROM event_listeners WHERE kind = 'exchange' AND project_id IS NULL AND expires_at > now())
            """
        ) { row in
            let (seq, logsSome, logsAll) = try row.decode(Int64.self, Bool.self, Bool.self)
            return ExchangeTurn(seq: seq, logsSome: logsSome, logsAll: logsAll)
        }.first
    }

    /// Events up to `seq` are with the broker. False where the turn has passed to another gateway.
    public func exchangeAdvanced(to seq: Int64, as holder: UUID) async throws -> Bool {
        try await database.execute("UPDATE exchange_pump SET seq = greatest(seq, \(seq)) WHERE holder = \(holder)") == 1
    }

    /// Lets another gateway go on at once.
    public func endExchangeTurn(of holder: UUID) async throws {
        try await database.execute("UPDATE exchange_pump SET held_until = '-infinity' WHERE holder = \(holder)")
    }

    /// Which of the projects ask for their events by themselves. Index: `event_listeners_once`.
    public func projectsWithEvents(among ids: [UUID]) async throws -> Set<UUID> {
        Set(
            try await database.query("SELECT project_id FROM event_listeners WHERE kind = 'exchange' AND project_id = ANY (\(ids))") {
                try $0.decode(UUID.self)
            })
    }

    /// The newest entry of all histories, from which ``recentEvents(after:)`` goes on. Index: `task_history_pkey`.
    public func lastHistoryID() async throws -> UUID? {
        try await database.query("SELECT history_id FROM task_history ORDER BY history_id DESC LIMIT 1") { try $0.decode(UUID.self) }.first
    }

    /// What happened lately to tasks whose events nobody has written down, from their histories: the newest event of each kind and project
    /// among the newest 500 entries. What commits late is missed. Indexes: `task_history_pkey`, `tasks_pkey`, `idx_event_log_task`.
    public func samplesOfEvents(after id: UUID?) async throws -> [HistoryEvent] {
        try await database.query(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (t.project_id, h.status_to) \(unescaped: HistoryEvent.columns)
                FROM (SELECT * FROM task_history WHERE history_id > \(id ?? .lowest) ORDER BY history_id DESC LIMIT 500) h
                    JOIN tasks t ON t.task_id = h.task_id
                WHERE \(unescaped: HistoryEvent.isNotLogged)
                ORDER BY t.project_id, h.status_to, h.history_id DESC
            ) AS sample ORDER BY history_id
            """, HistoryEvent.init)
    }

    /// All of it, the oldest first, of `limit` entries at most. Indexes: `task_history_pkey`, `tasks_pkey`, `idx_event_log_task`.
    public func unloggedEvents(after id: UUID?, limit: Int) async throws -> [HistoryEvent] {
        try await database.query(
            """
            SELECT \(unescaped: HistoryEvent.columns)
            FROM (SELECT * FROM task_history WHERE history_id > \(id ?? .lowest) ORDER BY history_id LIMIT \(limit)) h
                JOIN tasks t ON t.task_id = h.task_id
            WHERE \(unescaped: HistoryEvent.isNotLogged)
            ORDER BY h.history_id
            """, HistoryEvent.init)
    }
}

/// An entry of a task's history as an event: it has no place in the log, its `seq` is 0.
public struct HistoryEvent: Sendable {
    public var historyID: UUID
    public var event: EventRecord
}

extension HistoryEvent {
    /// Of `task_history h` with `tasks t` beside it.
    static let columns = """
        h.history_id, 0::bigint AS seq, t.project_id, t.task_id, h.status_to, h.status_from, t.attempt, left(h.reason, 2000) AS reason, \
        h.changed_at, t.task_type, t.parent_task_id, t.metadata, CASE h.status_to WHEN 'completed' THEN t.output_data END AS output_data
        """

    static let isNotLogged = """
        NOT EXISTS (SELECT FROM event_log e
            WHERE e.task_id = h.task_id AND e.event = h.status_to AND e.at >= h.changed_at - interval '1 second')
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        historyID = try columns.next()
        guard let event = try LogEntry(&columns).event else { throw UnknownColumnValue(type: "TaskStatus", value: "?") }
        self.event = event
    }
}

extension UUID {
    static let lowest = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}
