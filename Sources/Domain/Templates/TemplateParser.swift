/// Reads a template's tags: one pass over the bytes.
struct TemplateParser {
    private struct OpenSection {
        var name: [String]
        var isInverted: Bool
        var line: Int
        /// What stood before it on its level.
        var outer: [Template.Node]
    }

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var nodes: [Template.Node] = []
    private var open: [OpenSection] = []
    private(set) var tagCount = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() throws(TemplateError) -> [Template.Node] {
        var textStart = 0
        while let tagStart = nextTag() {
            tagCount += 1
            guard tagCount <= TemplateLimits.tags else { throw .tooManyTags }
            let isTriple = tagStart + 2 < bytes.count && bytes[tagStart + 2] == UInt8(ascii: "{")
            let content = try tagContent(from: tagStart, isTriple: isTriple).drop(while: Self.isBlank)
            let kind = isTriple ? 0 : content.first ?? 0
            var textEnd = tagStart
            var next = position
            if Self.standsAlone.contains(kind), let whole = wholeLine(from: tagStart, to: position) {
                (textEnd, next) = (max(whole.lowerBound, textStart), whole.upperBound)
            }
            if textStart < textEnd { nodes.append(.text(textStart..<textEnd)) }
            try take(kind, content)
            line += newlines(in: tagStart..<next)
            (position, textStart) = (next, next)
        }
        if textStart < bytes.count { nodes.append(.text(textStart..<bytes.count)) }
        if let section = open.last {
            throw .syntax(line: section.line, "the section '\(section.name.joined(separator: "."))' is not closed")
        }
        return nodes
    }

    /// Sections and comments that are alone on their line take the line with them.
    private static let standsAlone: Set<UInt8> = [UInt8(ascii: "#"), UInt8(ascii: "^"), UInt8(ascii: "/"), UInt8(ascii: "!")]

    /// Moves to the next `{{`.
    private mutating func nextTag() -> Int? {
        while position + 1 < bytes.count {
            if bytes[position] == UInt8(ascii: "{"), bytes[position + 1] == UInt8(ascii: "{") { return position }
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
        return nil
    }

    /// The bytes between the braces; moves behind them.
    private mutating func tagContent(from start: Int, isTriple: Bool) throws(TemplateError) -> ArraySlice<UInt8> {
        let braces = isTriple ? 3 : 2
        var end = start + braces
        while end + braces <= bytes.count {
            if bytes[end..<end + braces].allSatisfy({ $0 == UInt8(ascii: "}") }) {
                position = end + braces
                return bytes[start + braces..<end]
            }
            end += 1
        }
        throw .syntax(line: line, "the tag is not closed")
    }

    /// The line around a tag, with its end, where nothing else but white space stands in it.
    private func wholeLine(from start: Int, to end: Int) -> Range<Int>? {
        var low = start
        while low > 0, Self.isBlank(bytes[low - 1]) { low -= 1 }
        guard low == 0 || bytes[low - 1] == UInt8(ascii: "\n") else { return nil }
        var high = end
        while high < bytes.count, Self.isBlank(bytes[high]) { high += 1 }
        if high < bytes.count, bytes[high] == UInt8(ascii: "\r") { high += 1 }
        if high == bytes.count { return low..<high }
        return bytes[high] == UInt8(ascii: "\n") ? low..<high + 1 : nil
    }

    private mutating func take(_ kind: UInt8, _ content: ArraySlice<UInt8>) throws(TemplateError) {
        switch kind {
        case UInt8(ascii: "!"): break
        case UInt8(ascii: "#"), UInt8(ascii: "^"):
            guard open.count < TemplateLimits.nesting else {
                throw .syntax(line: line, "more than \(TemplateLimits.nesting) sections stand inside each other")
            }
            let name = try name(content.dropFirst())
            open.append(OpenSection(name: name, isInverted: kind == UInt8(ascii: "^"), line: line, outer: nodes))
            nodes = []
        case UInt8(ascii: "/"):
            let name = try name(content.dropFirst())
            guard let section = open.popLast(), section.name == name else {
                throw .syntax(line: line, "'\(name.joined(separator: "."))' closes no section that is open here")
            }
            nodes = section.outer + [.section(name, isInverted: section.isInverted, nodes)]
        case UInt8(ascii: "&"): nodes.append(.value(try name(content.dropFirst())))
        case UInt8(ascii: ">"), UInt8(ascii: "<"), UInt8(ascii: "$"), UInt8(ascii: "="):
            throw .syntax(line: line, "partials, inheritance and other delimiters are not known here")
        default: nodes.append(.value(try name(content)))
        }
    }

    /// `.`, or letters, digits, `_` and `-` with dots between them.
    private func name(_ content: ArraySlice<UInt8>) throws(TemplateError) -> [String] {
        var name = content
        while let first = name.first, Self.isBlank(first) { name.removeFirst() }
        while let last = name.last, Self.isBlank(last) { name.removeLast() }
        if name.elementsEqual([UInt8(ascii: ".")]) { return [] }
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isNameByte) }) else {
            throw .syntax(line: line, "'\(String(decoding: name.prefix(60), as: UTF8.self))' is no name")
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }

    private func newlines(in range: Range<Int>) -> Int { bytes[range].count { $0 == UInt8(ascii: "\n") } }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
