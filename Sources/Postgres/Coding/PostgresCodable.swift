/// A value that can be a query's parameter.
public protocol PostgresEncodable: Sendable {
    /// The type that the server is told, whatever the value.
    static var postgresType: PostgresType { get }

    /// Whether the value is NULL; `encode(into:)` is then not called.
    var isPostgresNull: Bool { get }

    /// Appends the value in the binary format of `postgresType`. What cannot be expressed is told by `buffer.fail(_:)`.
    func encode(into buffer: inout PostgresBuffer)
}

/// A value that can be read from a column.
public protocol PostgresDecodable {
    /// Reads the value, or throws `.decoding` for a NULL, a type that does not convert without loss, or malformed bytes.
    static func decode(from cell: PostgresCell) throws(PostgresError) -> Self
}

public typealias PostgresCodable = PostgresEncodable & PostgresDecodable

extension PostgresEncodable {
    public var isPostgresNull: Bool { false }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    public static var postgresType: PostgresType { RawValue.postgresType }
    public var isPostgresNull: Bool { rawValue.isPostgresNull }
    public func encode(into buffer: inout PostgresBuffer) { rawValue.encode(into: &buffer) }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Self {
        guard let value = Self(rawValue: try RawValue.decode(from: cell)) else {
            throw .decoding("the value is no case of \(Self.self)")
        }
        return value
    }
}
