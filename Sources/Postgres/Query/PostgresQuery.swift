/// A statement and its parameters: `"SELECT name FROM people WHERE id = \(id)"`.
///
/// Each interpolated value becomes a numbered parameter (`$1`, …) with its own type and binary value; it is never part of the
/// text. A connection prepares each text once, so texts should be few: pass lists as arrays (`= ANY(\(ids))`, `unnest(\(ids))`).
/// `\(unescaped: sql)` splices text as it is.
///
/// The description is the text alone: values do not reach logs.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    public let sql: String
    let parameters: PostgresParameters

    /// A statement without parameters, taken as it is.
    public init(unescaped sql: String) {
        self.sql = sql
        self.parameters = PostgresParameters()
    }

    public init(stringLiteral sql: String) {
        self.init(unescaped: sql)
    }

    public init(stringInterpolation: StringInterpolation) {
        self.sql = stringInterpolation.sql
        self.parameters = stringInterpolation.parameters
    }

    public var description: String { sql }

    /// Why the query cannot be sent, in words that hold no value.
    var problem: String? {
        sql.holdsNUL ? "the statement's text holds a NUL character" : parameters.problem
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql = ""
        fileprivate var parameters = PostgresParameters()

        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.reserveCapacity(literalCapacity + 3 * interpolationCount)
        }

        public mutating func appendLiteral(_ literal: String) {
            sql += literal
        }

        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            append(value)
        }

        /// Of its own, because the compiler warns of optional values in an interpolation that does not ask for them.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            append(value)
        }

        public mutating func appendInterpolation(unescaped text: String) {
            sql += text
        }

        private mutating func append(_ value: some PostgresEncodable) {
            parameters.append(value)
            let number = parameters.count
            sql += number < Self.places.count ? Self.places[number] : "$\(number)"
        }

        /// Of nearly all statements, written once.
        private static let places = (0...64).map { "$\($0)" }
    }
}

/// A parameter dump would show values.
extension PostgresQuery: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}
