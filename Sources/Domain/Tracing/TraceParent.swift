/// Where in which trace something stands, as the header `traceparent` says it (W3C Trace Context, "traceparent Header").
public struct TraceParent: Sendable, Hashable {
    /// The header's name, and the key in a task's metadata.
    public static let name = "traceparent"

    /// 16 bytes, not all of them zero.
    public let traceID: [UInt8]
    /// 8 bytes, not all of them zero.
    public let spanID: [UInt8]
    /// Whether who came before records the trace.
    public var isSampled: Bool

    /// nil where the ids have other lengths, or are all zeros.
    public init?(traceID: [UInt8], spanID: [UInt8], isSampled: Bool) {
        guard traceID.count == 16, spanID.count == 8, traceID.contains(where: { $0 != 0 }), spanID.contains(where: { $0 != 0 }) else {
            return nil
        }
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Reads a header; nil where it is none. Of a later version what this one knows is read.
    public init?(_ text: String) {
        let fields = Array(text.utf8.prefix(56)).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard fields.count >= 4, let version = Self.bytes(fields[0]), version.count == 1, version[0] != 0xFF,
            version[0] != 0 || text.utf8.count == 55, let traceID = Self.bytes(fields[1]), let spanID = Self.bytes(fields[2]),
            let flags = Self.bytes(fields[3]), flags.count == 1
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, isSampled: flags[0] & 1 == 1)
    }

    /// The trace of a new root, or what stands below another.
    /// - Parameter traceID: nil makes one.
    public init(traceID: [UInt8]?, isSampled: Bool, using generator: inout some RandomNumberGenerator) {
        self.traceID = traceID ?? Self.random(16, &generator)
        spanID = Self.random(8, &generator)
        self.isSampled = isSampled
    }

    public var text: String { "00-\(traceText)-\(spanText)-\(isSampled ? "01" : "00")" }

    public var traceText: String { Self.hex(traceID) }
    public var spanText: String { Self.hex(spanID) }

    private static func random(_ count: Int, _ generator: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        // All zeros would be no id.
        if !bytes.contains(where: { $0 != 0 }) { bytes[count - 1] = 1 }
        return bytes
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Lowercase only, as the specification wants it.
    private static func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }
}
