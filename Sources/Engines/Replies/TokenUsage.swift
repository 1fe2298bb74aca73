public import Domain

/// Tokens of one call as the engine counted them; zeros where it does not count.
public struct TokenUsage: Sendable, Hashable {
    public var promptTokens: Int
    public var completionTokens: Int
    public var totalTokens: Int

    /// Negative and absurd counts of a confused engine are brought into 0 … 10⁹, so that sums cannot overflow.
    public init(promptTokens: Int, completionTokens: Int, totalTokens: Int? = nil) {
        self.promptTokens = Self.bounded(promptTokens)
        self.completionTokens = Self.bounded(completionTokens)
        self.totalTokens = Self.bounded(totalTokens ?? self.promptTokens + self.completionTokens)
    }

    /// The sum of counts that a body holds under `keys`; nil if it holds none of them.
    static func sum(_ keys: [String], of body: JSONValue?) -> Int? {
        let counts = keys.compactMap { body?[$0]?.intValue }
        return counts.isEmpty ? nil : counts.reduce(0) { bounded($0 + bounded($1)) }
    }

    private static func bounded(_ count: Int) -> Int { min(max(count, 0), 1_000_000_000) }

    public var json: JSONValue {
        [
            "prompt_tokens": .number(JSONNumber(promptTokens)), "completion_tokens": .number(JSONNumber(completionTokens)),
            "total_tokens": .number(JSONNumber(totalTokens)),
        ]
    }
}
