import Domain

extension GeminiContent {
    /// Fields that are said in other words; the rest passes through, such as `safetySettings` and `cachedContent`.
    private static let translated: Set<String> = EngineType.gemini.fieldsWithoutCounterpart.union([
        "max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice", "response_format", "temperature", "top_p", "top_k", "seed",
        "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "user", "metadata",
    ])

    func request(for input: JSONObject, to engine: EngineDefinition, streaming: Bool) throws(EngineError) -> WireRequest {
        let chat = try ChatRequest(input, to: engine)
        let (system, turns) = chat.systemAndTurns
        var body = JSONObject()
        for member in chat.passedThrough(except: Self.translated) { body[member.key] = member.value }
        body["contents"] = .array(Self.contents(turns))
        if let system { body["systemInstruction"] = ["parts": [["text": .string(system)]]] }
        let (functions, others) = chat.functions
        let tools = (functions.isEmpty ? [] : [["functionDeclarations": .array(functions.map(Self.declaration))]]) + others
        if !tools.isEmpty {
            body["tools"] = .array(tools)
            body["toolConfig"] = Self.toolConfig(input["tool_choice"]) ?? body["toolConfig"]
        }
        let generation = Self.generationConfig(chat, base: body["generationConfig"]?.objectValue ?? [:])
        if !generation.isEmpty { body["generationConfig"] = .object(generation) }
        return WireRequest(path: Self.path(model: chat.model, streaming: streaming), body: JSONValue.object(body).serialized())
    }

    private static func generationConfig(_ chat: ChatRequest, base: JSONObject) -> JSONObject {
        var config = base
        let names = [
            ("temperature", "temperature"), ("top_p", "topP"), ("top_k", "topK"), ("seed", "seed"),
            ("frequency_penalty", "frequencyPenalty"), ("presence_penalty", "presencePenalty"),
        ]
        for (name, theirs) in names {
            if let value = chat.input[name], !value.isNull { config[theirs] = value }
        }
        if let limit = chat.maxTokens { config["maxOutputTokens"] = limit }
        if let stop = chat.stopSequences { config["stopSequences"] = stop }
        if chat.input["logprobs"] == true {
            config["responseLogprobs"] = true
            if let count = chat.input["top_logprobs"], count.intValue ?? 0 > 0 { config["logprobs"] = count }
        }
        if chat.asksForJSON {
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = chat.schema ?? config["responseJsonSchema"]
        }
        return config
    }

    private static func declaration(_ function: JSONValue) -> JSONValue {
        var declaration: JSONObject = ["name": function["name"] ?? ""]
        declaration["description"] = function["description"]
        declaration["parametersJsonSchema"] = function["parameters"]
        return .object(declaration)
    }

    private static func toolConfig(_ choice: JSONValue?) -> JSONValue? {
        switch choice {
        case nil, .null: nil
        case .string("required"): ["functionCallingConfig": ["mode": "ANY"]]
        case .string("none"): ["functionCallingConfig": ["mode": "NONE"]]
        case .string: ["functionCallingConfig": ["mode": "AUTO"]]
        case let other?:
            ["functionCallingConfig": ["mode": "ANY", "allowedFunctionNames": [other["function"]?["name"] ?? ""]]]
        }
    }

    /// The answers of tools name their function, and are parts of one turn however many there are.
    private static func contents(_ turns: [JSONValue]) -> [JSONValue] {
        var contents: [JSONValue] = []
        var results: [JSONValue] = []
        var names: [String: String] = [:]
        func endResults() {
            if !results.isEmpty { contents.append(["role": "user", "parts": .array(results)]) }
            results = []
        }
        for turn in turns {
            if turn["role"]?.stringValue == "tool" {
                let id = turn["tool_call_id"]?.stringValue ?? ""
                results.append(["functionResponse": ["name": .string(names[id] ?? ""), "response": response(turn["content"])]])
                continue
            }
            endResults()
            let calls = ChatRequest.calls(in: turn)
            for call in calls { names[call.id] = call.name }
            let role: JSONValue = turn["role"]?.stringValue == "assistant" ? "model" : "user"
            contents.append(["role": role, "parts": .array(parts(turn["content"]) + calls.map(part))])
        }
        endResults()
        return contents
    }

    /// A tool's answer is an object here: another one is put into one.
    private static func response(_ content: JSONValue?) -> JSONValue {
        let text = ChatRequest.text(of: content)
        if let object = (try? JSONValue(parsing: text))?.objectValue { return .object(object) }
        return ["result": .string(text)]
    }

    private static func part(_ call: (id: String, name: String, arguments: JSONValue, extra: JSONValue?)) -> JSONValue {
        var part: JSONObject = ["functionCall": ["name": .string(call.name), "args": call.arguments]]
        part["thoughtSignature"] = call.extra?["google"]?["thought_signature"]
        return .object(part)
    }

    private static func parts(_ content: JSONValue?) -> [JSONValue] {
        switch content {
        case .string(let text): text.isEmpty ? [] : [["text": .string(text)]]
        case .array(let parts): parts.map(part)
        default: []
        }
    }

    private static func part(_ part: JSONValue) -> JSONValue {
        switch part["type"]?.stringValue {
        case "text": return ["text": part["text"] ?? ""]
        case "refusal": return ["text": part["refusal"] ?? ""]
        case "input_audio":
            let audio = part["input_audio"]
            return ["inlineData": ["mimeType": .string("audio/\(audio?["format"]?.stringValue ?? "wav")"), "data": audio?["data"] ?? ""]]
        case "image_url":
            let text = part["image_url"]?["url"]?.stringValue ?? part["image_url"]?.stringValue ?? ""
            if case .data(let mediaType, let base64) = ImageReference(text) {
                return ["inlineData": ["mimeType": .string(mediaType), "data": .string(base64)]]
            }
            return ["fileData": ["fileUri": .string(text)]]
        default: return part
        }
    }
}
