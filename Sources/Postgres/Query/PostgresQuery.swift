/// A statement and its parameters: `"SELECT name FROM people WHERE id = \(id)"`.
///
/// Each interpolated value becomes a numbered parameter (`$1`, …) with its own type and binary value; it is never part of the
/// text. A connection prepares each text once, so texts should be few: pass lists as arrays (`= ANY(\(ids))`, `unnest(\(ids))`).
/// `\(unescaped: sql)` splices text as it is, `\(part: query)` another statement's text with its parameters.
///
/// The description is the text alone: values do not reach logs.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    public let sql: String
    let parameters: PostgresParameters
    /// Where the parameters' numbers stand in the text, as offsets in UTF-8.
    private let places: [Int]

    /// A statement without parameters, taken as it is.
    public init(unescaped sql: String) {
        self.sql = sql
        self.parameters = PostgresParameters()
        self.places = []
    }

    public init(stringLiteral sql: String) {
        self.init(unescaped: sql)
    }

    public init(stringInterpolation: StringInterpolation) {
        self.sql = stringInterpolation.sql
        self.parameters = stringInterpolation.parameters
        self.places = stringInterpolation.places
    }

    public var description: String { sql }

    /// Why the query cannot be sent, in words that hold no value.
    var problem: String? {
        sql.holdsNUL ? "the statement's text holds a NUL character" : parameters.problem
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql = ""
        fileprivate var parameters = PostgresParameters()
        fileprivate var places: [Int] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.reserveCapacity(literalCapacity + 3 * interpolationCount)
            places.reserveCapacity(interpolationCount)
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

        /// A part that some statements have and others have not: its parameters are numbered on.
        public mutating func appendInterpolation(part: PostgresQuery) {
            let text = part.sql.utf8
            var start = text.startIndex
            for (index, offset) in part.places.enumerated() {
                let place = text.index(text.startIndex, offsetBy: offset)
                sql += part.sql[start..<place]
                appendNumber(parameters.count + index + 1)
                start = text.index(place, offsetBy: Self.number(index + 1).utf8.count)
            }
            sql += part.sql[start...]
            parameters.append(contentsOf: part.parameters)
        }

        private mutating func append(_ value: some PostgresEncodable) {
            parameters.append(value)
            appendNumber(parameters.count)
        }

        private mutating func appendNumber(_ number: Int) {
            places.append(sql.utf8.count)
            sql += Self.number(number)
        }

        private static func number(_ number: Int) -> String { number < numbers.count ? numbers[number] : "$\(number)" }

        /// Of nearly all statements, written once.
        private static let numbers = (0...64).map { "$\($0)" }
    }
}

/// A parameter dump would show values.
extension PostgresQuery: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}
