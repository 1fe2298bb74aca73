import Postgres

extension Store {
    /// Counts a trial of a message that came again, before it is tried, and gives the number so far with this one. A day without one begins
    /// anew. Index: `intake_trials_pkey`.
    ///
    /// - Parameter isNew: false where the last one is known to have ended and could not be written down.
    public func beginIntakeTrial(of digest: [UInt8], isNew: Bool = true) async throws -> Int {
        try await database.query(
            """
            INSERT INTO intake_trials AS t (digest, trials, tried_at) VALUES (\(digest), 1, clock_timestamp())
            ON CONFLICT (digest) DO UPDATE SET tried_at = excluded.tried_at,
                trials = CASE WHEN t.tried_at < excluded.tried_at - interval '1 day' THEN 1 ELSE t.trials + \(isNew ? 1 : 0) END
            RETURNING trials
            """
        ) { try $0.decode(Int.self) }.first ?? 1
    }

    /// The trial ended, and the process lives: forgets all of the message's. Index: `intake_trials_pkey`.
    public func endIntakeTrials(of digest: [UInt8]) async throws {
        try await database.execute("DELETE FROM intake_trials WHERE digest = \(digest)")
    }

    /// Forgets messages that were not seen for a day. A scan of a table with a few rows.
    public func forgetIntakeTrials() async throws {
        try await database.execute("DELETE FROM intake_trials WHERE tried_at < now() - interval '1 day'")
    }
}
