/// Encodes typed rows in COPY's binary format (PostgreSQL manual, COPY, "Binary Format").
public struct PostgresCopyWriter {
    private static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF] + Array("\r\n\0".utf8)
    /// What gathers before it is sent, in bytes.
    private static let chunkSize = 1 << 16

    private var buffer = PostgresBuffer()

    init() {
        buffer.append(bytes: Self.signature)
        // Flags, and the length of the header's extension.
        buffer.append(integer: Int32(0))
        buffer.append(integer: Int32(0))
    }

    var isFull: Bool { buffer.count >= Self.chunkSize }

    /// Appends one row, its values in the order of the statement's columns.
    public mutating func row<each Value: PostgresEncodable>(_ values: repeat each Value) {
        var count: Int16 = 0
        for _ in repeat each values { count += 1 }
        buffer.append(integer: count)
        for value in repeat each values { buffer.append(field: value) }
    }

    mutating func finish() {
        buffer.append(integer: Int16(-1))
    }

    /// The bytes so far. Throws `.invalidQuery` if a value cannot be expressed.
    mutating func take() throws(PostgresError) -> [UInt8] {
        if let problem = buffer.problem { throw PostgresError(.invalidQuery, "a row to copy: \(problem)") }
        return buffer.take()
    }
}
