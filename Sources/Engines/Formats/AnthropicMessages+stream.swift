import Domain

/// Builds a reply from the events of a message's stream: `message_start`, blocks that begin, grow and end, `message_delta`,
/// `message_stop`. Kinds of events and blocks that are not known are passed over, as the API asks of its clients.
struct AnthropicMessagesAccumulator: StreamAccumulator {
    let format: AnthropicMessages
    var draft = ReplyDraft()
    private(set) var isComplete = false

    init(format: AnthropicMessages) {
        self.format = format
    }

    mutating func take(_ event: JSONValue) throws(EngineError) {
        switch event["type"]?.stringValue {
        case "message_start":
            draft.model = event["message"]?["model"]?.stringValue
            draft.usage = AnthropicMessages.usage(event["message"]?["usage"])
        case "content_block_start": try begin(event["content_block"], event["index"]?.intValue ?? 0)
        case "content_block_delta": try grow(event["delta"], event["index"]?.intValue ?? 0)
        case "message_delta":
            AnthropicMessages.stop(event["delta"], &draft)
            count(event["usage"])
        case "message_stop": isComplete = true
        default:
            if let complaint = format.complaint(in: event) {
                throw EngineError(complaint, within: draft, rules: format.errorRules)
            }
        }
    }

    private mutating func begin(_ block: JSONValue?, _ index: Int) throws(EngineError) {
        switch block?["type"]?.stringValue {
        case "text": draft.text += block?["text"]?.stringValue ?? ""
        case "thinking": draft.reasoning += block?["thinking"]?.stringValue ?? ""
        case "tool_use":
            try draft.updateToolCall(index) { call in
                call.id = block?["id"]?.stringValue ?? ""
                call.name = block?["name"]?.stringValue ?? ""
                // Usually empty: the arguments follow piece by piece.
                if let input = block?["input"]?.objectValue, !input.isEmpty { call.arguments = JSONValue.object(input).text }
            }
        default: break
        }
    }

    private mutating func grow(_ delta: JSONValue?, _ index: Int) throws(EngineError) {
        switch delta?["type"]?.stringValue {
        case "text_delta": draft.text += delta?["text"]?.stringValue ?? ""
        case "thinking_delta": draft.reasoning += delta?["thinking"]?.stringValue ?? ""
        case "input_json_delta":
            let piece = delta?["partial_json"]?.stringValue ?? ""
            // Also tools that the provider runs itself stream their input; those calls are not the caller's.
            guard draft.toolCalls.contains(where: { $0.index == index }) else { return }
            try draft.updateToolCall(index) { $0.arguments += piece }
        default: break
        }
    }

    /// The counts are of the whole message so far; those of the prompt may be missing here.
    private mutating func count(_ usage: JSONValue?) {
        guard let now = AnthropicMessages.usage(usage) else { return }
        let prompt = TokenUsage.sum(["input_tokens"], of: usage) == nil ? draft.usage?.promptTokens ?? 0 : now.promptTokens
        draft.usage = TokenUsage(promptTokens: prompt, completionTokens: now.completionTokens)
    }
}
