import Domain

/// Answers event by event.
extension SimulatedDialect {
    var streamType: String { self == .ollama ? "application/x-ndjson" : "text/event-stream" }

    /// The events of an answer: what stands before its tokens, the tokens one by one, and what stands behind them.
    func events(
        _ completion: SimulatedCompletion, countsTokens: Bool
    ) -> (opening: [[UInt8]], tokens: [[UInt8]], closing: [[UInt8]]) {
        switch self {
        case .openai:
            var closing = [frame(chunk(completion, delta: [:], reason: reason(completion)))]
            if countsTokens {
                var usage = chunk(completion, choices: []).objectValue ?? [:]
                usage["usage"] = self.usage(completion)
                closing.append(frame(.object(usage)))
            }
            return (
                [frame(chunk(completion, delta: ["role": "assistant", "content": ""]))],
                completion.tokens.map { frame(chunk(completion, delta: ["content": .string($0)], token: $0)) },
                closing + [Array("data: [DONE]\n\n".utf8)]
            )
        case .anthropic:
            let message: JSONValue = [
                "id": .string("msg_\(completion.number)"), "type": "message", "role": "assistant", "model": .string(completion.model),
                "content": [], "stop_reason": nil, "usage": usage(completion, answered: 1),
            ]
            return (
                [
                    frame(["type": "message_start", "message": message]),
                    frame(["type": "content_block_start", "index": 0, "content_block": ["type": "text", "text": ""]]),
                    frame(["type": "ping"]),
                ],
                completion.tokens.map {
                    frame(["type": "content_block_delta", "index": 0, "delta": ["type": "text_delta", "text": .string($0)]])
                },
                [
                    frame(["type": "content_block_stop", "index": 0]),
                    frame([
                        "type": "message_delta", "delta": ["stop_reason": reason(completion), "stop_sequence": nil],
                        "usage": ["output_tokens": .number(JSONNumber(completion.tokens.count))],
                    ]), frame(["type": "message_stop"]),
                ]
            )
        case .gemini:
            let tokens = completion.tokens.enumerated().map { index, token in
                frame(candidate(completion, text: token, logprobs: [token], reason: nil, answered: index + 1))
            }
            return ([], tokens, [frame(candidate(completion, text: "", logprobs: [], reason: reason(completion)))])
        case .ollama:
            let tokens = completion.tokens.map { frame(line(completion, text: $0, logprobs: [$0], isLast: false)) }
            return ([], tokens, [frame(line(completion, text: "", logprobs: [], isLast: true))])
        }
    }

    /// A value as one event.
    func frame(_ value: JSONValue) -> [UInt8] {
        frame(bytes: value.serialized(), name: value["type"]?.stringValue)
    }

    /// Anything as one event; `name` is Anthropic's.
    func frame(bytes: [UInt8], name: String? = nil) -> [UInt8] {
        switch self {
        case .openai, .gemini: Array("data: ".utf8) + bytes + Array("\n\n".utf8)
        case .anthropic: Array("event: \(name ?? "message")\ndata: ".utf8) + bytes + Array("\n\n".utf8)
        case .ollama: bytes + Array("\n".utf8)
        }
    }

    private func chunk(
        _ completion: SimulatedCompletion, delta: JSONValue, token: String? = nil, reason: JSONValue = .null
    ) -> JSONValue {
        var choice: JSONObject = ["index": 0, "delta": delta, "finish_reason": reason]
        if completion.hasLogprobs, let token { choice["logprobs"] = ["content": [Self.logprob(token)]] }
        return chunk(completion, choices: [.object(choice)])
    }

    private func chunk(_ completion: SimulatedCompletion, choices: JSONValue) -> JSONValue {
        [
            "id": .string("chatcmpl-\(completion.number)"), "object": "chat.completion.chunk", "created": 0,
            "model": .string(completion.model), "choices": choices,
        ]
    }
}
