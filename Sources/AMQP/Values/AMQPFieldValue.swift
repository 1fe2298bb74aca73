/// One value of an AMQP field table: what headers and the arguments of a queue are made of.
///
/// Narrow integers and floats of a peer are widened to `int` and `double`; sending uses the wide forms. Of a peer's headers at most
/// `maxValues` are read, and what is nested deeper than `maxDepth` is read as `null`: they cannot exhaust the stack or the memory.
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
    static let maxValues = 4_096
    /// Bytes of a table that is sent: it must fit into one frame (131,072 bytes) beside the other properties.
    static let maxTableSize = 96 << 10
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

    /// Bytes that the value takes in a frame, its kind included. Nesting must have been checked.
    public var encodedSize: Int {
        switch self {
        case .null: 1
        case .bool: 2
        case .int, .double, .timestamp: 9
        case .string(let text): 5 + text.utf8.count
        case .bytes(let bytes): 5 + bytes.count
        case .table(let table): table.reduce(5) { $0 + 1 + $1.key.utf8.count + $1.value.encodedSize }
        case .array(let elements): elements.reduce(5) { $0 + $1.encodedSize }
        }
    }

    /// Why the value cannot be sent, nil if it can: keys hold at most 255 bytes, nesting and size are bounded.
    func reasonNotToSend() -> String? {
        if let reason = reasonNotToSend(depth: 0) { return reason }
        return encodedSize > Self.maxTableSize ? "more than \(Self.maxTableSize) bytes" : nil
    }

    private func reasonNotToSend(depth: Int) -> String? {
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
