/// `[UInt8]` is `bytea`.
extension UInt8: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .bytea }

    public static func encodeArray(_ elements: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(bytes: elements)
    }

    public static func decodeArray(from cell: PostgresCell) throws(PostgresError) -> [UInt8] {
        let bytes = try cell.bytes(for: [UInt8].self)
        guard cell.type == .bytea else { throw cell.mismatch([UInt8].self) }
        return Array(bytes)
    }
}

/// `[[UInt8]]` is `bytea[]`.
extension Array: PostgresArrayElement where Element == UInt8 {
    public static var postgresArrayType: PostgresType { .byteaArray }
}
