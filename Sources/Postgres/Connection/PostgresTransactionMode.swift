/// How a transaction begins; the raw value is the statement.
public enum PostgresTransactionMode: String, Sendable {
    /// The server's default, as a rule read committed.
    case standard = "BEGIN"
    case repeatableRead = "BEGIN ISOLATION LEVEL REPEATABLE READ"
    case serializable = "BEGIN ISOLATION LEVEL SERIALIZABLE"
    /// One unchanging view of the database for many reads.
    case snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
}
