/// What an answer says, made comparable.
///
/// - JSON is compared by value: the order of members, white space and the way a number is written do not count. A fence of three backticks
///   around an answer is dropped first.
/// - Text is compared without case, white space, and punctuation around its words.
/// - Texts of ``longText`` words and more also agree where their sets of words are alike: a Jaccard index (words that both have, by words
///   that either has) of ``alikeness`` and more. That hears no "not": where one word decides, ask for JSON or for short answers.
/// - Tool calls agree by name and arguments, as JSON, whatever their ids.
public struct AnswerMeaning: Sendable, Hashable {
    /// Words from which on two texts need not be equal to agree.
    static let longText = 20
    /// The share of words that such texts have in common at least.
    static let alikeness = 0.8
    /// Different words looked at; an answer that has more is compared by these, and a comparison costs microseconds whatever came.
    static let maxWords = 5_000

    private enum Content: Sendable, Hashable {
        case json(String)
        case text(String)
    }

    private let content: Content
    /// The tool calls' canonical form; empty where there are none.
    private let calls: String
    /// Hashes of the text's different words, ascending; empty where it is JSON, or short.
    private let words: [UInt64]

    /// - Parameter output: a call's `output_data`.
    public init(of output: JSONValue) {
        let text = Self.unfenced(output["text"]?.stringValue ?? "")
        calls = Self.calls(output["tool_calls"])
        if let json = Self.json(text) {
            content = .json(json.canonicalText)
            words = []
            return
        }
        let words = text.split(whereSeparator: \.isWhitespace).lazy.map { Self.bare($0.lowercased()) }.filter { !$0.isEmpty }
        let all = Array(words)
        content = .text(all.joined(separator: " "))
        self.words = all.count < Self.longText ? [] : Array(Set(all.map(Self.hash)).sorted().prefix(Self.maxWords))
    }

    public func agrees(with other: AnswerMeaning) -> Bool {
        guard calls == other.calls else { return false }
        if content == other.content { return true }
        guard !words.isEmpty, !other.words.isEmpty else { return false }
        return Self.jaccard(words, other.words) >= Self.alikeness
    }

    /// Both ascending, and not both empty.
    private static func jaccard(_ one: [UInt64], _ other: [UInt64]) -> Double {
        var (left, right, common) = (0, 0, 0)
        while left < one.count, right < other.count {
            if one[left] == other[right] {
                common += 1
                left += 1
                right += 1
            } else if one[left] < other[right] {
                left += 1
            } else {
                right += 1
            }
        }
        return Double(common) / Double(one.count + other.count - common)
    }

    /// A bare string is a text in quotation marks.
    private static func json(_ text: String) -> JSONValue? {
        guard let value = try? JSONValue(parsing: text, limits: JSONLimits(depth: 128)), value.stringValue == nil else { return nil }
        return value
    }

    private static func calls(_ calls: JSONValue?) -> String {
        guard let calls = calls?.arrayValue, !calls.isEmpty else { return "" }
        let bare = calls.map { call -> JSONValue in
            let function = call["function"]
            let arguments = function?["arguments"]
            let value = arguments?.stringValue.flatMap { try? JSONValue(parsing: $0, limits: JSONLimits(depth: 128)) } ?? arguments
            return [function?["name"] ?? .null, value ?? .null]
        }
        return JSONValue.array(bare).canonicalText
    }

    /// The inside of a text that is one fenced block.
    static func unfenced(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).drop { $0.allSatisfy(\.isWhitespace) }
        let fence = "```"
        guard lines.count > 2, let first = lines.first, first.hasPrefix(fence),
            let end = lines.lastIndex(where: { !$0.allSatisfy(\.isWhitespace) }), end > lines.startIndex,
            lines[end].trimmingPrefix(while: \.isWhitespace).hasPrefix(fence),
            !lines[lines.index(after: lines.startIndex)..<end].contains(where: { $0.hasPrefix(fence) })
        else { return text }
        return lines[lines.index(after: lines.startIndex)..<end].joined(separator: "\n")
    }

    /// Signs that belong to a number or a name (`-5`, `.5`, `$5`, `5%`, `#5`) stay.
    private static func bare(_ word: String) -> String {
        let around = "\"'`´‘’“”«»„()[]{}<>*_¿¡"
        let behind = around + ".,;:!?…"
        let head = word.drop { around.contains($0) }
        let tail = head.reversed().drop { behind.contains($0) }
        return String(String(tail).reversed())
    }

    /// FNV-1a with 64 bits: the same in every process.
    private static func hash(_ word: String) -> UInt64 {
        word.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
