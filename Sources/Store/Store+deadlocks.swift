import Postgres

extension Store {
    /// How often a statement that lost a deadlock is tried again. The server needs a second to find one: more would outlast the caller.
    private static let deadlockRetries = 4

    /// Runs one statement or transaction, and again where PostgreSQL ended it to break a deadlock: all of it was rolled back then, and
    /// whoever it collided with has gone on.
    func retryingDeadlocks<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<Self.deadlockRetries {
            do {
                return try await body()
            } catch let error as PostgresError where error.sqlState == "40P01" {
                try Task.checkCancellation()
            }
        }
        return try await body()
    }

    /// Runs one statement like `database.query`, and again where a deadlock ended it.
    func queryRetryingDeadlocks<Output: Sendable>(
        _ query: PostgresQuery, _ map: @Sendable (PostgresRow) throws -> Output
    ) async throws -> [Output] {
        try await retryingDeadlocks { try await database.query(query, map) }
    }
}
