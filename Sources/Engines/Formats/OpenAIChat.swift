import Domain
import HTTPTypes

/// OpenAI's chat completions, which vLLM, llama.cpp, LiteLLM, Groq, DeepSeek, Mistral, OpenRouter and Azure speak too.
///
/// Source: OpenAI API reference, "Create chat completion" and "Streaming events" (platform.openai.com/docs/api-reference/chat), as of
/// November 2026. A server that does not know `stream_options` is spoken to with `stream: false` in its definition.
struct OpenAIChat: WireFormat {
    var probePath: String { "/models" }

    func request(for input: JSONObject, to engine: EngineDefinition, streaming: Bool) throws(EngineError) -> WireRequest {
        var body: JSONObject = [
            "model": input["model"] ?? .string(engine.model), "messages": .array(try ChatRequest.messages(of: input)),
        ]
        for member in input.members where !ChatRequest.withheld.contains(member.key) {
            body[member.key] = member.value
        }
        if streaming {
            body["stream"] = true
            body["stream_options"] = ["include_usage": true]
        }
        return WireRequest(path: "/chat/completions", body: JSONValue.object(body).serialized())
    }

    /// Azure looks for keys in a field of its own.
    func authorize(_ fields: inout HTTPFields, with secret: Secret, at url: EngineURL) {
        fields[.authorization] = "Bearer \(secret.revealed)"
        if url.host.hasSuffix(".azure.com"), let name = HTTPField.Name("api-key") { fields[name] = secret.revealed }
    }

    func makeAccumulator() -> any StreamAccumulator { OpenAIChatAccumulator(format: self) }

    func reply(from body: JSONValue) throws(EngineError) -> EngineReply {
        try refuseComplaint(in: body)
        guard let choice = body["choices"]?[0], let message = choice["message"], message.objectValue != nil else {
            throw EngineError(.passing, "the answer has no choices[0].message")
        }
        var draft = ReplyDraft()
        draft.model = body["model"]?.stringValue
        draft.usage = Self.usage(body["usage"])
        draft.finishReason = choice["finish_reason"]?.stringValue
        draft.text = ChatRequest.text(of: message["content"])
        draft.refusal = message["refusal"]?.stringValue ?? ""
        draft.reasoning = Self.reasoning(message)
        draft.logprobs = choice["logprobs"]?["content"]?.arrayValue ?? []
        if let calls = message["tool_calls"], !calls.isNull, calls != [] { draft.givenToolCalls = calls }
        guard message["content"]?.isNull == false || !draft.isEmpty else {
            throw EngineError(.passing, "the answer's message has neither content nor tool calls nor a refusal")
        }
        return draft.reply
    }

    static func usage(_ usage: JSONValue?) -> TokenUsage? {
        guard usage?.objectValue != nil else { return nil }
        return TokenUsage(
            promptTokens: usage?["prompt_tokens"]?.intValue ?? 0, completionTokens: usage?["completion_tokens"]?.intValue ?? 0,
            totalTokens: usage?["total_tokens"]?.intValue)
    }

    /// Not OpenAI's own: DeepSeek and vLLM name it `reasoning_content`, OpenRouter `reasoning`.
    static func reasoning(_ message: JSONValue) -> String {
        message["reasoning_content"]?.stringValue ?? message["reasoning"]?.stringValue ?? ""
    }
}
