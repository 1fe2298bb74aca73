public import Postgres

/// The database as the rest of Chorus sees it: each method is one statement or one transaction, and says which index serves it.
///
/// Errors of the database pass through as `PostgresError`; what is the caller's fault is thrown as a `Problem`.
public struct Store: Sendable {
    public let database: PostgresClient

    public init(_ database: PostgresClient) {
        self.database = database
    }
}
