import Domain

/// A chat completion made of the request alone: an echo of its last message, with tokens counted as words.
struct SimulatedCompletion {
    let id: String
    let model: String
    /// The answer cut into tokens: words, each with the space before it.
    let tokens: [String]
    let promptTokens: Int
    let finishReason: String

    /// Reads the request; the error is the message of a 400. At most `echoLimit` characters of the last message are repeated.
    init(request: JSONValue, number: UInt64, echoLimit: Int) throws(SimulatedRequestError) {
        guard let messages = request["messages"]?.arrayValue, !messages.isEmpty else {
            throw SimulatedRequestError(message: "'messages' must be an array with at least one message", code: "invalid_messages")
        }
        id = "chatcmpl-\(number)"
        model = request["model"]?.stringValue ?? "simulated"
        let texts = messages.map(Self.text(of:))
        promptTokens = texts.reduce(0) { $0 + Self.wordCount($1) }
        let last = messages.lastIndex { $0["role"]?.stringValue == "user" } ?? messages.count - 1
        let echo = "Simulated answer to: \(texts[last].prefix(echoLimit))"
        let all: [String]
        if let format = request["response_format"]?["type"]?.stringValue, format.hasPrefix("json") {
            // A JSON answer is one token: cut anywhere it would be none.
            all = [(["answer": .string(echo)] as JSONValue).text]
        } else {
            all = Self.tokens(of: echo)
        }
        let limit = request["max_tokens"]?.intValue ?? request["max_completion_tokens"]?.intValue ?? .max
        guard limit > 0 else {
            throw SimulatedRequestError(message: "'max_tokens' must be at least 1", code: "invalid_max_tokens")
        }
        tokens = Array(all.prefix(limit))
        finishReason = tokens.count < all.count ? "length" : "stop"
    }

    var usage: JSONValue {
        [
            "prompt_tokens": .number(JSONNumber(promptTokens)),
            "completion_tokens": .number(JSONNumber(tokens.count)),
            "total_tokens": .number(JSONNumber(promptTokens + tokens.count)),
        ]
    }

    /// The answer in one piece.
    var json: JSONValue {
        [
            "id": .string(id), "object": "chat.completion", "created": 0, "model": .string(model),
            "choices": [
                [
                    "index": 0, "message": ["role": "assistant", "content": .string(tokens.joined())],
                    "finish_reason": .string(finishReason),
                ]
            ],
            "usage": usage,
        ]
    }

    /// One event of a stream; `delta` is what it adds.
    func chunk(delta: JSONValue, finishReason: JSONValue = .null) -> JSONValue {
        chunk(choices: [["index": 0, "delta": delta, "finish_reason": finishReason]])
    }

    func chunk(choices: JSONValue) -> JSONValue {
        ["id": .string(id), "object": "chat.completion.chunk", "created": 0, "model": .string(model), "choices": choices]
    }

    /// A message's text: its content, or the texts of its parts.
    static func text(of message: JSONValue) -> String {
        switch message["content"] {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.stringValue }.joined(separator: " ")
        default: ""
        }
    }

    /// Runs of bytes that are no ASCII white space.
    static func wordCount(_ text: String) -> Int {
        var count = 0
        var inside = false
        for byte in text.utf8 {
            let space = byte == 0x20 || (0x09...0x0D).contains(byte)
            if !space, !inside { count += 1 }
            inside = !space
        }
        return count
    }

    private static func tokens(of text: String) -> [String] {
        text.split(separator: " ").enumerated().map { $0.offset == 0 ? String($0.element) : " " + $0.element }
    }
}

/// Why a request is answered with 400.
struct SimulatedRequestError: Error, Equatable {
    var message: String
    var code: String
}
