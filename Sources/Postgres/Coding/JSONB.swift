/// JSON text for and from a `jsonb` (or `json`) column, neither parsed nor checked here.
public struct JSONB: Hashable, Sendable {
    public var text: String

    public init(text: String) { self.text = text }
}

extension JSONB: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .jsonb }
    public static var postgresArrayType: PostgresType { .jsonbArray }

    /// The version of jsonb's binary format (`jsonb_recv`).
    private static let version: UInt8 = 1

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(integer: Self.version)
        buffer.append(text: text)
    }

    public static func decode(from cell: PostgresCell) throws(PostgresError) -> JSONB {
        var bytes = try cell.bytes(for: JSONB.self)
        switch cell.type {
        case .json: break
        case .jsonb:
            guard bytes.first == version else { throw .decoding("an unknown version of jsonb") }
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default: throw cell.mismatch(JSONB.self)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .decoding("a JSON text is not valid UTF-8") }
        return JSONB(text: text)
    }
}
