import Domain
public import FoundationEssentials
import Postgres

/// For whom events are written down. The raw value is what `event_listeners.kind` holds.
public enum EventListenerKind: String, Sendable, Hashable, CaseIterable {
    /// Streams of server-sent events.
    case sse
    case webhook
    /// The broker's exchange.
    case exchange
}

extension Store {
    /// Has the events of a project (or of all: nil) written down, for `lifetime` from now, or for ever; or goes on with it.
    ///
    /// - Returns: the number behind which the log holds all of them, once it does; nil where transactions that may not have seen the
    ///   listener still run: see ``startLog(for:of:within:)``.
    /// - Throws: a 404 where the project is not there. Index: `event_listeners_once`.
    public func listen(_ kind: EventListenerKind, to projectID: UUID?, lifetime: Duration?) async throws -> Int64? {
        do {
            return try await database.query(
                """
                INSERT INTO event_listeners AS l (kind, project_id, expires_at)
                VALUES (\(kind.rawValue), \(projectID),
                    CASE WHEN \(lifetime == nil) THEN 'infinity' ELSE now() + \((lifetime ?? .zero) / .seconds(1)) * interval '1 second' END)
                ON CONFLICT ON CONSTRAINT event_listeners_once DO UPDATE SET expires_at = greatest(l.expires_at, excluded.expires_at)
                RETURNING first_seq
                """
            ) { try $0.decode(Int64?.self) }.first ?? nil
        } catch let error as PostgresError where error.sqlState == "23503" {
            throw Problem.notFound("project")
        }
    }

    /// The same, and waits until the log holds every event from then on.
    ///
    /// - Returns: the number behind which it does; nil where a transaction that began before held it up for longer than `limit`.
    public func startLog(for kind: EventListenerKind, of projectID: UUID?, lifetime: Duration?, within limit: Duration) async throws
        -> Int64?
    {
        if let first = try await listen(kind, to: projectID, lifetime: lifetime) { return first }
        guard try await waitForEventWriters(within: limit) else { return nil }
        // Index: `event_listeners_once`.
        return try await database.query(
            """
            UPDATE event_listeners SET first_seq = coalesce(first_seq, \(unescaped: Self.lastNumber))
            WHERE kind = \(kind.rawValue) AND project_id IS NOT DISTINCT FROM \(projectID)
            RETURNING first_seq
            """
        ) { try $0.decode(Int64.self) }.first
    }

    /// What the log holds of a project: behind the lower number every event, and up to the higher one numbers that it has given. nil where
    /// nobody listens. Indexes: `event_listeners_once`, `event_log_start_pkey`.
    public func logSpan(ofProject id: UUID) async throws -> ClosedRange<Int64>? {
        try await database.query(
            """
            SELECT greatest(min(first_seq), (SELECT seq FROM event_log_start)), \(unescaped: Self.lastNumber)
            FROM event_listeners WHERE project_id = \(id) OR project_id IS NULL
            HAVING min(first_seq) IS NOT NULL
            """
        ) { row in
            let (first, last) = try row.decode(Int64.self, Int64.self)
            return min(first, last)...last
        }.first
    }

    /// The last number that the log has given, once everything up to it is settled; nil where that takes longer than `limit`.
    public func settledLogEnd(within limit: Duration) async throws -> Int64? {
        let end = try await database.query("SELECT \(unescaped: Self.lastNumber)") { try $0.decode(Int64.self) }.first
        guard try await waitForEventWriters(within: limit) else { return nil }
        return end
    }

    /// The transactions that may still write to the log, or have decided not to before a listener came.
    public func eventWriters() async throws -> Set<String> {
        Set(try await database.query("SELECT chorus_event_writers()") { try $0.decode(String.self) })
    }

    /// Waits until those have ended that run now, for `limit` at most; false where some have not.
    func waitForEventWriters(within limit: Duration) async throws -> Bool {
        let end = ContinuousClock.now + limit
        var writers = try await eventWriters()
        var pause = Duration.milliseconds(2)
        while !writers.isEmpty {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(100))
            writers.formIntersection(try await eventWriters())
        }
        return true
    }

    private static let lastNumber = "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_log_seq_seq)"
}
