public import FoundationEssentials

extension UUID: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .uuid }
    public static var postgresArrayType: PostgresType { .uuidArray }

    public func encode(into buffer: inout PostgresBuffer) {
        withUnsafeBytes(of: uuid) { buffer.append(bytes: $0) }
    }

    public static func decode(from cell: PostgresCell) throws(PostgresError) -> UUID {
        let bytes = try cell.bytes(for: UUID.self)
        guard cell.type == .uuid, bytes.count == MemoryLayout<uuid_t>.size else { throw cell.mismatch(UUID.self) }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}
