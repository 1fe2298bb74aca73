/// Reads PostgreSQL's binary formats from the front of borrowed bytes; throws where they end too soon.
struct PostgresReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) throws(PostgresError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw .decoding("a value is cut short") }
        defer { position += size }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    /// Bytes behind their length in four bytes; nil for a NULL.
    mutating func field() throws(PostgresError) -> UnsafeRawBufferPointer? {
        let length = try integer(as: Int32.self)
        guard length >= 0 else { return nil }
        guard remaining >= Int(length) else { throw .decoding("a value is cut short") }
        defer { position += Int(length) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(length))])
    }
}
