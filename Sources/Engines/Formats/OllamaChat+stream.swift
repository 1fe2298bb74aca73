import Domain

/// Builds a reply from the lines of a chat: each adds to the message, the last one has `done`, the reason and the counts.
struct OllamaChatAccumulator: StreamAccumulator {
    let format: OllamaChat
    var draft = ReplyDraft()
    private(set) var isComplete = false
    private(set) var sawMessage = false

    var unread: [String] { ["created_at"] }

    init(format: OllamaChat) {
        self.format = format
    }

    mutating func take(_ event: JSONValue) throws(EngineError) {
        if let complaint = format.complaint(in: event) {
            throw EngineError(complaint, within: draft, rules: format.errorRules)
        }
        if draft.model == nil { draft.model = event["model"]?.stringValue }
        if let message = event["message"], message.objectValue != nil {
            sawMessage = true
            if let text = message["content"]?.stringValue { draft.text += text }
            if let thought = message["thinking"]?.stringValue { draft.reasoning += thought }
            for call in message["tool_calls"]?.arrayValue ?? [] { try add(call) }
        }
        draft.logprobs += event["logprobs"]?.arrayValue ?? []
        guard event["done"] == true else { return }
        isComplete = true
        let reason = event["done_reason"]?.stringValue ?? "stop"
        draft.finishReason = reason == "stop" && !draft.toolCalls.isEmpty ? "tool_calls" : reason
        guard let completion = event["eval_count"]?.intValue ?? event["prompt_eval_count"]?.intValue.map({ _ in 0 }) else { return }
        draft.usage = TokenUsage(promptTokens: event["prompt_eval_count"]?.intValue ?? 0, completionTokens: completion)
    }

    private mutating func add(_ toolCall: JSONValue) throws(EngineError) {
        try draft.addToolCall { call in
            call.id = toolCall["id"]?.stringValue ?? ""
            call.name = toolCall["function"]?["name"]?.stringValue ?? ""
            call.arguments = toolCall["function"]?["arguments"]?.text ?? ""
        }
    }
}
