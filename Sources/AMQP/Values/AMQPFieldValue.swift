/// One value of an AMQP field table: what headers and the arguments of a queue are made of.
///
/// Narrow integers and floats of a peer are widened to `int` and `double`; sending uses the wide forms. Tables nested deeper than
/// `maxDepth` are read as `null`, so that a peer's nesting cannot exhaust the stack.
public enum AMQPFieldValue: Sendable, Hashable {
    case string(String)
    case int(Int64)
    case bool(Bool)
    case double(Double)
    case bytes([UInt8])
    /// Seconds since 1970-01-01 UTC.
    case timestamp(UInt64)
    case table([String: AMQPFieldValue])
    case array([AMQPFieldValue])
    case null

    static let maxDepth = 32
}

extension AMQPFieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(dictionaryLiteral elements: (String, AMQPFieldValue)...) {
        self = .table(Dictionary(elements) { _, last in last })
    }
}

extension AMQPFieldValue {
    /// The text of a `string`, or of `bytes` that are UTF-8 (some clients send texts so).
    public var text: String? {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    /// Why the value cannot be sent, nil if it can: keys hold at most 255 bytes, and nesting is bounded.
    func reasonNotToSend(depth: Int = 0) -> String? {
        switch self {
        case .table(let table):
            if depth >= Self.maxDepth { return "a table is nested deeper than \(Self.maxDepth)" }
            if table.keys.contains(where: { $0.utf8.count > 255 }) { return "a table's key is longer than 255 bytes" }
            return Self.reasonNotToSend(table.values, depth: depth + 1)
        case .array(let elements):
            if depth >= Self.maxDepth { return "an array is nested deeper than \(Self.maxDepth)" }
            return Self.reasonNotToSend(elements, depth: depth + 1)
        default:
            return nil
        }
    }

    private static func reasonNotToSend(_ values: some Sequence<AMQPFieldValue>, depth: Int) -> String? {
        for value in values {
            if let reason = value.reasonNotToSend(depth: depth) { return reason }
        }
        return nil
    }
}
