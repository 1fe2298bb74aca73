import Domain

/// Builds a reply from chat completion chunks. Of several choices the first counts, as in an answer that comes in one piece.
struct OpenAIChatAccumulator: StreamAccumulator {
    let format: OpenAIChat
    var draft = ReplyDraft()

    init(format: OpenAIChat) {
        self.format = format
    }

    /// Each answer has its own id, which is in all of its chunks; llama.cpp writes the time into them, and OpenAI pads them.
    var unread: [String] { ["id", "created", "obfuscation"] }

    var counted: [String] { ["prompt_tokens", "completion_tokens", "total_tokens"] }

    var isPlain: Bool { true }

    /// The usage comes behind the reason, and not from every server.
    var isComplete: Bool { draft.finishReason != nil }

    mutating func take(_ event: JSONValue) throws(EngineError) {
        if let complaint = format.complaint(in: event) {
            throw EngineError(complaint, within: draft, rules: format.errorRules)
        }
        if draft.model == nil { draft.model = event["model"]?.stringValue }
        if let usage = OpenAIChat.usage(event["usage"]) { draft.usage = usage }
        guard let choice = event["choices"]?.arrayValue?.first(where: { ($0["index"]?.intValue ?? 0) == 0 }) else { return }
        if let reason = choice["finish_reason"]?.stringValue { draft.finishReason = reason }
        draft.logprobs += choice["logprobs"]?["content"]?.arrayValue ?? []
        guard let delta = choice["delta"] else { return }
        if let text = delta["content"]?.stringValue { draft.text += text }
        if let refusal = delta["refusal"]?.stringValue { draft.refusal += refusal }
        draft.reasoning += OpenAIChat.reasoning(delta)
        for call in delta["tool_calls"]?.arrayValue ?? [] {
            try draft.updateToolCall(call["index"]?.intValue ?? 0) { draft in
                if let id = call["id"]?.stringValue, !id.isEmpty { draft.id = id }
                draft.name += call["function"]?["name"]?.stringValue ?? ""
                draft.arguments += call["function"]?["arguments"]?.stringValue ?? ""
            }
        }
    }
}
