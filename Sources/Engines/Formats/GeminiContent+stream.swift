import Domain

/// Builds a reply from `GenerateContentResponse` events. Each adds its parts; counts are of the whole answer so far; the stream has no mark
/// at its end, but the last event says why the model stopped.
struct GeminiContentAccumulator: StreamAccumulator {
    let format: GeminiContent
    var draft = ReplyDraft()

    init(format: GeminiContent) {
        self.format = format
    }

    var unread: [String] { ["responseId"] }

    var isComplete: Bool { draft.finishReason != nil }

    mutating func take(_ event: JSONValue) throws(EngineError) {
        if let complaint = format.complaint(in: event) {
            throw EngineError(complaint, within: draft, rules: format.errorRules)
        }
        if let model = event["modelVersion"]?.stringValue { draft.model = model }
        if let usage = Self.usage(event["usageMetadata"]) { draft.usage = usage }
        if let reason = event["promptFeedback"]?["blockReason"]?.stringValue {
            draft.finishReason = "content_filter"
            draft.refusal = event["promptFeedback"]?["blockReasonMessage"]?.stringValue ?? "The prompt was blocked: \(reason)."
        }
        guard let candidate = event["candidates"]?[0] else { return }
        for part in candidate["content"]?["parts"]?.arrayValue ?? [] { try take(part: part) }
        draft.logprobs += Self.logprobs(candidate["logprobsResult"])
        if let reason = candidate["finishReason"]?.stringValue { stop(reason, candidate["finishMessage"]?.stringValue) }
    }

    private mutating func take(part: JSONValue) throws(EngineError) {
        if let text = part["text"]?.stringValue {
            if part["thought"] == true { draft.reasoning += text } else { draft.text += text }
        }
        guard let function = part["functionCall"] else { return }
        try draft.addToolCall { call in
            call.id = function["id"]?.stringValue ?? ""
            call.name = function["name"]?.stringValue ?? ""
            call.arguments = function["args"]?.text ?? ""
            // The API wants it back with the call's result.
            if let signature = part["thoughtSignature"] { call.extra = ["google": ["thought_signature": signature]] }
        }
    }

    private mutating func stop(_ reason: String, _ message: String?) {
        switch reason {
        case "STOP": draft.finishReason = draft.toolCalls.isEmpty ? "stop" : "tool_calls"
        case "MAX_TOKENS": draft.finishReason = "length"
        case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT":
            draft.finishReason = "content_filter"
            draft.refusal = message ?? "The answer was stopped: \(reason)."
        default: draft.finishReason = reason.lowercased()
        }
    }

    /// Thoughts are billed as answer, what tools brought as prompt.
    private static func usage(_ usage: JSONValue?) -> TokenUsage? {
        let prompt = TokenUsage.sum(["promptTokenCount", "toolUsePromptTokenCount"], of: usage)
        let completion = TokenUsage.sum(["candidatesTokenCount", "thoughtsTokenCount"], of: usage)
        guard prompt != nil || completion != nil else { return nil }
        return TokenUsage(
            promptTokens: prompt ?? 0, completionTokens: completion ?? 0, totalTokens: usage?["totalTokenCount"]?.intValue)
    }

    /// Into OpenAI's shape: a token each, with the likeliest ones at its place.
    private static func logprobs(_ result: JSONValue?) -> [JSONValue] {
        let likeliest = result?["topCandidates"]?.arrayValue ?? []
        return (result?["chosenCandidates"]?.arrayValue ?? []).enumerated().map { index, chosen in
            var token = logprob(chosen)
            let others = index < likeliest.count ? likeliest[index]["candidates"]?.arrayValue ?? [] : []
            token["top_logprobs"] = .array(others.map { .object(logprob($0)) })
            return .object(token)
        }
    }

    private static func logprob(_ candidate: JSONValue) -> JSONObject {
        ["token": candidate["token"] ?? "", "logprob": candidate["logProbability"] ?? 0]
    }
}
