/// A text with Mustache tags (mustache(5)): variables, sections, inverted sections, comments. There are no partials, no inheritance, no
/// lambdas and no other delimiters, and nothing is escaped: what comes out is text, not HTML.
///
/// Written here because texts come from strangers: reading is linear in the text's length, rendering is bounded while it goes on, and
/// what was put in is not read again.
public struct Template: Sendable, Hashable {
    enum Node: Sendable, Hashable {
        /// Bytes of the text.
        case text(Range<Int>)
        /// The parts of a dotted name; none for `.`.
        case value([String])
        case section([String], isInverted: Bool, [Node])
    }

    let bytes: [UInt8]
    let nodes: [Node]
    /// How many tags the text has.
    public let tagCount: Int

    public init(_ text: String) throws(TemplateError) {
        bytes = Array(text.utf8)
        var parser = TemplateParser(bytes)
        nodes = try parser.parse()
        tagCount = parser.tagCount
    }

    /// Whether the text has any tags: most have none, and then need nothing.
    public static func hasTags(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { opening(in: $0, from: 0) != nil }
    }

    /// Whether the text opens a section for the children, also where it is no template otherwise.
    public static func opensChildren(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var start = 0
            while let opening = opening(in: bytes, from: start) {
                let tag = bytes[(opening + 2)...].lazy.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
                if tag.starts(with: "#children}}".utf8) { return true }
                start = opening + 1
            }
            return false
        }
    }

    /// Where the first `{{` behind the first `start` bytes stands.
    private static func opening(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var start = start
        while start < bytes.count - 1,
            let place = UnsafeRawBufferPointer(bytes).firstPlace(of: UInt8(ascii: "{"), in: start..<(bytes.count - 1))
        {
            if bytes[place + 1] == UInt8(ascii: "{") { return place }
            start = place + 1
        }
        return nil
    }
}
