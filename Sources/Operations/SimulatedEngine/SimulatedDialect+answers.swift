import Domain

/// Answers in one piece.
extension SimulatedDialect {
    func answer(_ completion: SimulatedCompletion) -> JSONValue {
        switch self {
        case .openai:
            var choice: JSONObject = [
                "index": 0, "message": ["role": "assistant", "content": .string(completion.text)], "finish_reason": reason(completion),
            ]
            if completion.hasLogprobs { choice["logprobs"] = ["content": .array(completion.tokens.map(Self.logprob))] }
            return [
                "id": .string("chatcmpl-\(completion.number)"), "object": "chat.completion", "created": 0,
                "model": .string(completion.model), "choices": [.object(choice)], "usage": usage(completion),
            ]
        case .anthropic:
            return [
                "id": .string("msg_\(completion.number)"), "type": "message", "role": "assistant", "model": .string(completion.model),
                "content": [["type": "text", "text": .string(completion.text)]], "stop_reason": reason(completion), "stop_sequence": nil,
                "usage": usage(completion),
            ]
        case .gemini:
            return candidate(completion, text: completion.text, logprobs: completion.tokens, reason: reason(completion))
        case .ollama:
            return line(completion, text: completion.text, logprobs: completion.tokens, isLast: true)
        }
    }

    /// Why the answer ended, in the dialect's word.
    func reason(_ completion: SimulatedCompletion) -> JSONValue {
        switch self {
        case .openai, .ollama: completion.isCut ? "length" : "stop"
        case .anthropic: completion.isCut ? "max_tokens" : "end_turn"
        case .gemini: completion.isCut ? "MAX_TOKENS" : "STOP"
        }
    }

    /// The counts, in the dialect's words; `answered` is how much of the answer they cover.
    func usage(_ completion: SimulatedCompletion, answered: Int? = nil) -> JSONValue {
        let answer = answered ?? completion.tokens.count
        let counts = [completion.promptTokens, answer, completion.promptTokens + answer].map { JSONValue.number(JSONNumber($0)) }
        return switch self {
        case .openai: ["prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": counts[2]]
        case .anthropic: ["input_tokens": counts[0], "output_tokens": counts[1]]
        case .gemini: ["promptTokenCount": counts[0], "candidatesTokenCount": counts[1], "totalTokenCount": counts[2]]
        case .ollama: ["prompt_eval_count": counts[0], "eval_count": counts[1]]
        }
    }

    /// Gemini's answer, whole or an event of a stream.
    func candidate(
        _ completion: SimulatedCompletion, text: String, logprobs: [String], reason: JSONValue?, answered: Int? = nil
    ) -> JSONValue {
        var candidate: JSONObject = ["content": ["role": "model", "parts": [["text": .string(text)]]], "index": 0]
        candidate["finishReason"] = reason
        if completion.hasLogprobs {
            let tokens = logprobs.map { ["token": .string($0), "logProbability": -0.25] as JSONValue }
            candidate["logprobsResult"] = ["chosenCandidates": .array(tokens)]
        }
        return [
            "candidates": [.object(candidate)], "usageMetadata": usage(completion, answered: answered),
            "modelVersion": .string(completion.model), "responseId": .string("\(completion.number)"),
        ]
    }

    /// Ollama's answer, whole or a line of a stream.
    func line(_ completion: SimulatedCompletion, text: String, logprobs: [String], isLast: Bool) -> JSONValue {
        var line: JSONObject = [
            "model": .string(completion.model), "created_at": "1970-01-01T00:00:00Z",
            "message": ["role": "assistant", "content": .string(text)], "done": .bool(isLast),
        ]
        if completion.hasLogprobs { line["logprobs"] = .array(logprobs.map(Self.logprob)) }
        if isLast {
            line["done_reason"] = reason(completion)
            for member in usage(completion).objectValue?.members ?? [] { line[member.key] = member.value }
        }
        return .object(line)
    }

    /// Every token is as likely as the next.
    static func logprob(_ token: String) -> JSONValue {
        ["token": .string(token), "logprob": -0.25, "top_logprobs": []]
    }
}
