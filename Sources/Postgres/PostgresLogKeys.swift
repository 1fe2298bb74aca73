/// The metadata keys of this module's log lines.
enum PostgresLogKeys {
    static let error = "postgres.error"
    static let message = "postgres.message"
    static let attempt = "postgres.attempt"
    static let backendID = "postgres.backend_pid"
}
