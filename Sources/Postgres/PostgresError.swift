/// The one error of this module: what went wrong, what the server said, and where in our source it arose.
///
/// Neither `description` nor `shortDescription` holds a password or a parameter's value. `message` and `detail` are the server's own
/// words and may quote data ("Key (email)=(…) already exists"): give them to people who may see the data.
public struct PostgresError: Error, Sendable {
    public enum Code: String, Sendable, CaseIterable {
        /// No connection could be made: refused, unreachable, or the server declined (then there is a `sqlState`).
        case connectionFailed
        /// An established connection broke. Whether a statement under way took effect is unknown.
        case connectionLost
        /// A wait passed its deadline, or the server's `statement_timeout` ended the statement.
        case timedOut
        /// The task was cancelled, before the statement was sent or while it ran.
        case cancelled
        /// The server refused the statement; `sqlState` tells why.
        case server
        /// A column is not what the caller expected.
        case decoding
        /// No connection came free in time, or too many callers wait already.
        case poolExhausted
        /// The connection or the client was closed.
        case closed
        /// The query cannot be sent: a NUL character, a value out of range, a transaction inside a transaction.
        case invalidQuery
        /// The configuration is wrong, e.g. an URL that libpq cannot parse.
        case invalidConfiguration
        /// The server's answer does not fit the protocol as it is used here; the connection is closed.
        case protocolViolation
    }

    public var code: Code
    public var message: String
    /// Five characters, e.g. `23505`, where the server spoke (PostgreSQL documentation, appendix A).
    public var sqlState: String?
    public var detail: String?
    public var hint: String?
    public var constraint: String?
    public var schema: String?
    public var table: String?
    public var column: String?
    public var dataType: String?
    /// The character of the query, counted from 1, at which the server saw the error.
    public var position: Int?
    /// The text of the statement, without its parameters' values.
    public var query: String?
    public var file: String
    public var line: Int

    public init(_ code: Code, _ message: String, file: String = #fileID, line: Int = #line) {
        self.code = code
        self.message = message
        self.file = file
        self.line = line
    }

    static func decoding(_ message: String, file: String = #fileID, line: Int = #line) -> PostgresError {
        PostgresError(.decoding, message, file: file, line: line)
    }

    func about(query: PostgresQuery) -> PostgresError {
        about(sql: query.sql)
    }

    func about(sql: String) -> PostgresError {
        var error = self
        if error.query == nil { error.query = sql }
        return error
    }
}

extension PostgresError: CustomStringConvertible {
    /// A bounded label for metrics: the code, and the SQLSTATE if the server gave one.
    public var shortDescription: String {
        guard let sqlState else { return code.rawValue }
        return "\(code.rawValue) \(sqlState)"
    }

    public var description: String {
        var text = "PostgresError \(shortDescription)"
        // Data exceptions (class 22) quote the value that was refused.
        text += sqlState?.hasPrefix("22") == true ? ": a value was refused" : ": \(message)"
        if let constraint { text += ", constraint \(constraint)" }
        if let table { text += ", table \(table)" }
        if let column { text += ", column \(column)" }
        if let position { text += ", position \(position)" }
        if let query { text += ", query: \(query.prefix(500))" }
        return text + " (\(file):\(line))"
    }
}

/// Reflection (and so `dump`) shows what `description` shows.
extension PostgresError: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
