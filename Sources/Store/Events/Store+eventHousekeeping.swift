import Postgres

extension Store {
    /// How long events are remembered.
    static let eventLifetime = Duration.seconds(24 * 3_600)

    /// Ends listeners whose time is over, and gives their number. Index: `idx_event_listeners_expires_at`.
    @discardableResult
    public func endListeners() async throws -> Int {
        try await database.execute("DELETE FROM event_listeners WHERE expires_at < now()")
    }

    /// Forgets the oldest events, `limit` at most, and gives their number: those that are older than a day. Index: `event_log_pkey`.
    ///
    /// - Parameter lifetime: for tests.
    public func forgetEvents(limit: Int, olderThan lifetime: Duration? = nil) async throws -> Int {
        let seconds = (lifetime ?? Self.eventLifetime) / .seconds(1)
        return try await database.transaction { connection in
            let last =
                try connection.query(
                    """
                    SELECT max(seq) FROM (SELECT seq, at FROM event_log ORDER BY seq LIMIT \(limit)) AS oldest
                    WHERE at < now() - \(seconds) * interval '1 second'
                    """
                ).map { try $0.decode(Int64?.self) }.first ?? nil
            guard let last else { return 0 }
            // Said first: who resumes from before that finds out, whatever of it is still there.
            try connection.execute("UPDATE event_log_start SET seq = greatest(seq, \(last))")
            return try connection.execute("DELETE FROM event_log WHERE seq <= \(last)")
        }
    }
}
