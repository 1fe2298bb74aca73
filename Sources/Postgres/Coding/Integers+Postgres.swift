extension Int: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .int8 }
    public static var postgresArrayType: PostgresType { .int8Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: Int64(self)) }
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Int { try cell.anyInteger() }
}

extension Int64: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .int8 }
    public static var postgresArrayType: PostgresType { .int8Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: self) }
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Int64 { try cell.anyInteger() }
}

extension Int32: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .int4 }
    public static var postgresArrayType: PostgresType { .int4Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: self) }
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Int32 { try cell.anyInteger() }
}

extension Int16: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .int2 }
    public static var postgresArrayType: PostgresType { .int2Array }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(integer: self) }
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Int16 { try cell.anyInteger() }
}

extension PostgresCell {
    /// Any of PostgreSQL's integers (and a whole `numeric`, which `sum` makes of `int8`), if it fits.
    fileprivate func anyInteger<Wanted: FixedWidthInteger & SignedInteger>() throws(PostgresError) -> Wanted {
        let value: Int64
        switch type {
        case .int8: value = try integer(Int64.self, for: Wanted.self)
        case .int4: value = Int64(try integer(Int32.self, for: Wanted.self))
        case .int2: value = Int64(try integer(Int16.self, for: Wanted.self))
        case .oid: value = Int64(try integer(UInt32.self, for: Wanted.self))
        case .numeric: value = try PostgresNumeric(from: self).integer()
        default:
            _ = try bytes(for: Wanted.self)
            throw mismatch(Wanted.self)
        }
        guard let wanted = Wanted(exactly: value) else { throw .decoding("an integer does not fit \(Wanted.self)") }
        return wanted
    }
}
