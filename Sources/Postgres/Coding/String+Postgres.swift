extension String: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .text }
    public static var postgresArrayType: PostgresType { .textArray }
    public func encode(into buffer: inout PostgresBuffer) { buffer.append(text: self) }

    /// Any text-like type; also user-defined ones, since enumerations and `citext` send their text.
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> String {
        let bytes = try cell.bytes(for: String.self)
        switch cell.type {
        case .text, .varchar, .bpchar, .name, .unknown: break
        case let type where type.isUserDefined: break
        default: throw cell.mismatch(String.self)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .decoding("a text is not valid UTF-8") }
        return text
    }
}
