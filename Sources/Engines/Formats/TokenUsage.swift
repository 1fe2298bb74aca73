public import Domain

/// Tokens of one call as the engine counted them; zeros where it does not count.
public struct TokenUsage: Sendable, Hashable {
    public var promptTokens: Int
    public var completionTokens: Int
    public var totalTokens: Int

    /// Negative and absurd counts of a confused engine are brought into 0 … 10⁹, so that sums cannot overflow.
    public init(promptTokens: Int, completionTokens: Int, totalTokens: Int? = nil) {
        let bounds = { (count: Int) in min(max(count, 0), 1_000_000_000) }
        self.promptTokens = bounds(promptTokens)
        self.completionTokens = bounds(completionTokens)
        self.totalTokens = bounds(totalTokens ?? self.promptTokens + self.completionTokens)
    }

    public var json: JSONValue {
        [
            "prompt_tokens": .number(JSONNumber(promptTokens)), "completion_tokens": .number(JSONNumber(completionTokens)),
            "total_tokens": .number(JSONNumber(totalTokens)),
        ]
    }
}
