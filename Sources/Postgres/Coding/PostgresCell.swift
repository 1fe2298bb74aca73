/// One value of a result as the server sent it: a type and bytes in that type's binary format.
///
/// The bytes are borrowed from the result. A cell is lent to `PostgresDecodable.decode(from:)` and must not be kept.
public struct PostgresCell {
    public let type: PostgresType
    private let content: UnsafeRawBufferPointer?

    init(type: PostgresType, bytes: UnsafeRawBufferPointer?) {
        self.type = type
        self.content = bytes
    }

    public var isNull: Bool { content == nil }

    /// The bytes, valid until the decoding function returns. Throws `.decoding` for a NULL, naming the type that was wanted.
    public func bytes<Wanted>(for wanted: Wanted.Type) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let content else { throw .decoding("NULL where \(wanted) was expected") }
        return content
    }

    /// The error for a column whose type does not convert to the type that was wanted.
    public func mismatch<Wanted>(_ wanted: Wanted.Type) -> PostgresError {
        .decoding("a column of \(type) does not convert to \(wanted)")
    }

    /// The whole content as one big-endian integer.
    func integer<Wanted, Value: FixedWidthInteger>(_ format: Value.Type, for wanted: Wanted.Type) throws(PostgresError) -> Value {
        let bytes = try bytes(for: wanted)
        guard bytes.count == MemoryLayout<Value>.size else { throw .decoding("\(bytes.count) bytes are no \(type)") }
        return Value(bigEndian: bytes.loadUnaligned(as: Value.self))
    }
}
