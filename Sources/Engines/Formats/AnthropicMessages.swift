import Domain
import HTTPTypes

/// Anthropic's Messages API, which llama.cpp and LiteLLM speak too.
///
/// Source: Claude API reference, "Messages", "Structured outputs" and "Streaming messages" (platform.claude.com/docs), as of November
/// 2026. The base address ends with `/v1`. Requests name the API's version 2023-06-01: the next one, 2026-10-21, refuses `temperature`,
/// `top_p` and `top_k` for every model, while of this one only those models do that have no use for them.
struct AnthropicMessages: WireFormat {
    /// The format wants a limit; this is it where the task names none.
    static let standardMaxTokens = 4_096

    var probePath: String { "/models" }

    var fields: HTTPFields {
        guard let version = HTTPField.Name("anthropic-version") else { return [:] }
        return [version: "2023-06-01"]
    }

    func authorize(_ fields: inout HTTPFields, with secret: Secret, at url: EngineURL) {
        if let name = HTTPField.Name("x-api-key") { fields[name] = secret.revealed }
    }

    func makeAccumulator() -> any StreamAccumulator { AnthropicMessagesAccumulator(format: self) }

    func reply(from body: JSONValue) throws(EngineError) -> EngineReply {
        try refuseComplaint(in: body)
        guard let blocks = body["content"]?.arrayValue else { throw EngineError(.passing, "the answer has no content") }
        var draft = ReplyDraft()
        draft.model = body["model"]?.stringValue
        draft.usage = Self.usage(body["usage"])
        for block in blocks {
            switch block["type"]?.stringValue {
            case "text": draft.text += block["text"]?.stringValue ?? ""
            case "thinking": draft.reasoning += block["thinking"]?.stringValue ?? ""
            case "tool_use":
                try draft.addToolCall { call in
                    call.id = block["id"]?.stringValue ?? ""
                    call.name = block["name"]?.stringValue ?? ""
                    call.arguments = block["input"]?.text ?? ""
                }
            default: break
            }
        }
        Self.stop(body, &draft)
        guard !draft.isEmpty else { throw EngineError(.passing, "the answer has neither content nor a reason to stop") }
        return draft.reply
    }

    /// Why the model stopped: in a whole message, or in a stream's `message_delta`.
    static func stop(_ body: JSONValue?, _ draft: inout ReplyDraft) {
        guard let reason = body?["stop_reason"]?.stringValue else { return }
        draft.finishReason =
            switch reason {
            case "end_turn", "stop_sequence": "stop"
            case "max_tokens", "model_context_window_exceeded": "length"
            case "tool_use": "tool_calls"
            case "refusal": "content_filter"
            default: reason
            }
        if reason == "refusal" {
            draft.refusal = body?["stop_details"]?["explanation"]?.stringValue ?? "The model refused to answer."
        }
    }

    /// Tokens that were read from a cache, or written to one, are prompt all the same.
    static func usage(_ usage: JSONValue?) -> TokenUsage? {
        let prompt = TokenUsage.sum(["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"], of: usage)
        let completion = usage?["output_tokens"]?.intValue
        guard prompt != nil || completion != nil else { return nil }
        return TokenUsage(promptTokens: prompt ?? 0, completionTokens: completion ?? 0)
    }
}
