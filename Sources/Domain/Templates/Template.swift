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
        return text.withUTF8 { openings(in: $0).contains { _ in true } }
    }

    /// Whether the text opens a section for the children, also where it is no template otherwise.
    public static func opensChildren(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            openings(in: bytes).contains { start in
                let tag = bytes[(start + 2)...].lazy.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
                return tag.starts(with: "#children}}".utf8)
            }
        }
    }

    /// Where `{{` stands.
    private static func openings(in bytes: UnsafeBufferPointer<UInt8>) -> some Sequence<Int> {
        (0..<max(0, bytes.count - 1)).lazy.filter { bytes[$0] == UInt8(ascii: "{") && bytes[$0 + 1] == UInt8(ascii: "{") }
    }
}
