extension Bool: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .bool }
    public static var postgresArrayType: PostgresType { .boolArray }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: UInt8(self ? 1 : 0)) }

    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Bool {
        let value = try cell.bytes(for: Bool.self)
        guard cell.type == .bool, value.count == 1 else { throw cell.mismatch(Bool.self) }
        return value[0] != 0
    }
}
