/// What a call had brought when it broke or was cancelled: it may be billed all the same.
public struct PartialAnswer: Sendable, Hashable {
    /// UTF-8 bytes kept of the text; the ledger is no place for more of an answer that nobody waits for.
    static let maxTextBytes = 64 << 10

    /// The answer's begin, 64 KiB of it at most.
    public let text: String
    /// nil where the engine had not counted yet: most count at the end.
    public let usage: TokenUsage?

    /// nil for a call of which nothing is known.
    init?(_ draft: ReplyDraft) {
        guard !draft.text.isEmpty || draft.usage != nil else { return nil }
        self.init(text: draft.text, usage: draft.usage)
    }

    public init(text: String, usage: TokenUsage?) {
        // An index within a character's bytes stands for that character's begin.
        let end = text.utf8.index(text.startIndex, offsetBy: Self.maxTextBytes, limitedBy: text.endIndex) ?? text.endIndex
        self.text = end == text.endIndex ? text : String(text[..<end])
        self.usage = usage
    }
}
