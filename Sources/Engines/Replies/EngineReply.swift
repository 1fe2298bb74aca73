import Domain

/// What an engine said, whatever its format.
struct EngineReply: Sendable, Hashable {
    var text: String
    /// nil where the engine names none.
    var model: String?
    /// As OpenAI names them: `stop`, `length`, `tool_calls`, `content_filter`; another word where a format has a reason of its own.
    var finishReason: String?
    var usage: TokenUsage
    /// Parts that pass through to `output_data`: `tool_calls`, `refusal`, `reasoning` and `logprobs`, each in OpenAI's shape.
    var extras: JSONObject = [:]
}
