import Domain

extension OllamaChat {
    /// Fields that are said in other words; the rest passes through, such as `think`, `keep_alive` and `logprobs`.
    private static let translated: Set<String> = EngineType.ollama.fieldsWithoutCounterpart.union([
        "max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice", "response_format", "user", "metadata", "options",
    ]).union(options)

    /// Fields that have their places under `options`.
    private static let options: Set<String> = [
        "temperature", "top_p", "top_k", "min_p", "seed", "frequency_penalty", "presence_penalty",
    ]

    func request(for input: JSONObject, to engine: EngineDefinition, streaming: Bool) throws(EngineError) -> WireRequest {
        let chat = try ChatRequest(input, to: engine)
        var body: JSONObject = ["model": .string(chat.model), "messages": .array(Self.messages(chat.messages))]
        for member in chat.passedThrough(except: Self.translated) { body[member.key] = member.value }
        var options = input["options"]?.objectValue ?? [:]
        for member in input.members where Self.options.contains(member.key) && !member.value.isNull {
            options[member.key] = member.value
        }
        // Ollama refuses a single text here.
        if let stop = chat.stopSequences { options["stop"] = stop }
        if let limit = chat.maxTokens { options["num_predict"] = limit }
        if !options.isEmpty { body["options"] = .object(options) }
        if chat.asksForJSON { body["format"] = chat.schema ?? "json" }
        if let tools = input["tools"], tools.arrayValue?.isEmpty == false, input["tool_choice"] != "none" { body["tools"] = tools }
        // It streams unless it is told not to.
        body["stream"] = .bool(streaming)
        return WireRequest(path: "/chat", body: JSONValue.object(body).serialized())
    }

    private static func messages(_ messages: [JSONValue]) -> [JSONValue] {
        var names: [String: String] = [:]
        return messages.map { message in
            let content = message["content"]
            var translated: JSONObject = ["role": role(message), "content": .string(ChatRequest.text(of: content))]
            let images = (content?.arrayValue ?? []).compactMap(image)
            if !images.isEmpty { translated["images"] = .array(images) }
            let calls = ChatRequest.calls(in: message)
            for call in calls { names[call.id] = call.name }
            if !calls.isEmpty {
                translated["tool_calls"] = .array(
                    calls.map { ["function": ["name": .string($0.name), "arguments": $0.arguments]] })
            }
            if let id = message["tool_call_id"]?.stringValue { translated["tool_name"] = .string(names[id] ?? "") }
            return .object(translated)
        }
    }

    private static func role(_ message: JSONValue) -> JSONValue {
        message["role"] == "developer" ? "system" : message["role"] ?? "user"
    }

    private static func image(_ part: JSONValue) -> JSONValue? {
        guard part["type"]?.stringValue == "image_url" else { return nil }
        let text = part["image_url"]?["url"]?.stringValue ?? part["image_url"]?.stringValue ?? ""
        guard case .data(_, let base64) = ImageReference(text) else { return nil }
        return .string(base64)
    }
}
