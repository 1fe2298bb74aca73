extension Double: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .float8 }
    public static var postgresArrayType: PostgresType { .float8Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: bitPattern) }

    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Double {
        switch cell.type {
        case .float8: return Double(bitPattern: try cell.integer(UInt64.self, for: Double.self))
        case .float4: return Double(Float(bitPattern: try cell.integer(UInt32.self, for: Double.self)))
        case .numeric: return try PostgresNumeric(from: cell).double
        case .int2, .int4: return Double(try Int32.decode(from: cell))
        default:
            _ = try cell.bytes(for: Double.self)
            throw cell.mismatch(Double.self)
        }
    }
}

extension Float: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .float4 }
    public static var postgresArrayType: PostgresType { .float4Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: bitPattern) }

    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Float {
        let bits = try cell.bytes(for: Float.self)
        guard cell.type == .float4, bits.count == 4 else { throw cell.mismatch(Float.self) }
        return Float(bitPattern: try cell.integer(UInt32.self, for: Float.self))
    }
}
