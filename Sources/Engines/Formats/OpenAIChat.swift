import Domain
import HTTPTypes

/// OpenAI's chat completions, which vLLM, llama.cpp, LiteLLM and many hosted engines speak too.
///
/// Source: OpenAI API reference, "Create chat completion".
struct OpenAIChat: WireFormat {
    /// Keys of `input_data` that are not for the engine: Chorus' own, and streaming, since answers are recorded whole.
    private static let withheld: Set<String> = ["engine", "engines", "strategy", "prompt", "messages", "model", "stream", "stream_options"]

    var probePath: String { "/models" }

    func request(for input: JSONObject, to engine: EngineDefinition) throws(EngineError) -> WireRequest {
        var body: JSONObject = ["model": input["model"] ?? .string(engine.model), "messages": try messages(of: input)]
        for member in input.members where !Self.withheld.contains(member.key) {
            body[member.key] = member.value
        }
        return WireRequest(path: "/chat/completions", body: JSONValue.object(body).serialized())
    }

    private func messages(of input: JSONObject) throws(EngineError) -> JSONValue {
        if let messages = input["messages"], !messages.isNull {
            guard let list = messages.arrayValue, !list.isEmpty else {
                throw EngineError(.permanent, "input_data.messages must be an array with at least one message")
            }
            return messages
        }
        guard let prompt = input["prompt"]?.stringValue else {
            throw EngineError(.permanent, "input_data needs 'messages' or 'prompt'")
        }
        return [["role": "user", "content": .string(prompt)]]
    }

    func reply(from body: JSONValue) throws(EngineError) -> EngineReply {
        if let message = errorMessage(in: body) {
            throw EngineError(.passing, "the engine answered 200 with an error: \(message)")
        }
        guard let choice = body["choices"]?[0], let message = choice["message"], message.objectValue != nil else {
            throw EngineError(.passing, "the answer has no choices[0].message")
        }
        var extras = JSONObject()
        for key in ["tool_calls", "refusal"] {
            if let value = message[key], !value.isNull { extras[key] = value }
        }
        let finishReason = choice["finish_reason"]?.stringValue
        guard let text = text(of: message) ?? (extras.isEmpty && finishReason == nil ? nil : "") else {
            throw EngineError(.passing, "the answer's message has neither content nor tool calls nor a refusal")
        }
        let usage = body["usage"]
        return EngineReply(
            text: text, model: body["model"]?.stringValue, finishReason: finishReason,
            usage: TokenUsage(
                promptTokens: usage?["prompt_tokens"]?.intValue ?? 0, completionTokens: usage?["completion_tokens"]?.intValue ?? 0,
                totalTokens: usage?["total_tokens"]?.intValue),
            extras: extras)
    }

    /// The content, or the texts of its parts in one.
    private func text(of message: JSONValue) -> String? {
        switch message["content"] {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.stringValue }.joined()
        default: nil
        }
    }

    func errorMessage(in body: JSONValue) -> String? {
        guard let error = body["error"], !error.isNull else { return nil }
        return error["message"]?.stringValue ?? error.stringValue ?? error.text
    }

    func authorize(_ fields: inout HTTPFields, with secret: Secret) {
        fields[.authorization] = "Bearer \(secret.revealed)"
    }
}
