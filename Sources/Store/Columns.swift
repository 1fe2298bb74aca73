import Domain
import Postgres

/// How Domain's values stand in columns.
extension JSONValue {
    var column: JSONB { JSONB(text: text) }

    /// Reads what a `jsonb` column holds. PostgreSQL lets no broken JSON in; the depth was limited on the way in.
    init(column: JSONB) throws {
        try self.init(parsing: column.text, limits: JSONLimits(depth: 512))
    }
}

extension JSONObject {
    var column: JSONB { JSONValue.object(self).column }
}

extension PostgresColumns {
    mutating func nextJSON() throws -> JSONValue {
        try JSONValue(column: next(as: JSONB.self))
    }

    mutating func nextOptionalJSON() throws -> JSONValue? {
        try next(as: JSONB?.self).map { try JSONValue(column: $0) }
    }

    /// Reads a column whose text is the raw value of an enumeration.
    mutating func nextCase<Value: RawRepresentable<String>>(of type: Value.Type = Value.self) throws -> Value {
        let text = try next(as: String.self)
        guard let value = Value(rawValue: text) else { throw UnknownColumnValue(type: "\(type)", value: text) }
        return value
    }
}

/// A column holds a word that this release does not know: a newer one wrote it.
struct UnknownColumnValue: Error {
    var type: String
    var value: String
}
