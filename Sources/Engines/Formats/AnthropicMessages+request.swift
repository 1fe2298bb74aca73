import Domain

extension AnthropicMessages {
    /// Fields that are said in other words; the rest passes through, such as `top_p`, `top_k`, `thinking` and `metadata`.
    private static let translated: Set<String> = EngineType.anthropic.fieldsWithoutCounterpart.union([
        "max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice", "parallel_tool_calls", "response_format", "user",
    ])

    func request(for input: JSONObject, to engine: EngineDefinition, streaming: Bool) throws(EngineError) -> WireRequest {
        let chat = try ChatRequest(input, to: engine)
        let (system, turns) = chat.systemAndTurns
        var body: JSONObject = ["model": .string(chat.model)]
        for member in chat.passedThrough(except: Self.translated) { body[member.key] = member.value }
        body["max_tokens"] = chat.maxTokens ?? .number(JSONNumber(Self.standardMaxTokens))
        if let system { body["system"] = .string(system) }
        body["messages"] = .array(Self.messages(turns))
        if let stop = chat.stopSequences { body["stop_sequences"] = stop }
        if let user = input["user"], !user.isNull, body["metadata"] == nil { body["metadata"] = ["user_id": user] }
        let (functions, others) = chat.functions
        let tools = functions.map(Self.tool) + others
        if !tools.isEmpty {
            body["tools"] = .array(tools)
            body["tool_choice"] = Self.toolChoice(input)
        }
        if let schema = chat.schema {
            var output = body["output_config"]?.objectValue ?? [:]
            output["format"] = ["type": "json_schema", "schema": schema]
            body["output_config"] = .object(output)
        }
        if streaming { body["stream"] = true }
        return WireRequest(path: "/messages", body: JSONValue.object(body).serialized())
    }

    private static func tool(_ function: JSONValue) -> JSONValue {
        var tool: JSONObject = ["name": function["name"] ?? "", "input_schema": function["parameters"] ?? ["type": "object"]]
        for key in ["description", "strict"] { tool[key] = function[key] }
        return .object(tool)
    }

    /// nil leaves the choice to the model, as the format does by itself.
    private static func toolChoice(_ input: JSONObject) -> JSONValue? {
        var choice: JSONObject? =
            switch input["tool_choice"] {
            case nil, .null: nil
            case .string("required"): ["type": "any"]
            case .string(let word): ["type": .string(word)]
            case let other?:
                if let name = other["function"]?["name"] { ["type": "tool", "name": name] } else { other.objectValue }
            }
        if input["parallel_tool_calls"] == false {
            choice = choice ?? ["type": "auto"]
            if choice?["type"] != "none" { choice?["disable_parallel_tool_use"] = true }
        }
        return choice.map(JSONValue.object)
    }

    /// The answers of tools are parts of one user message, however many there are.
    private static func messages(_ turns: [JSONValue]) -> [JSONValue] {
        var messages: [JSONValue] = []
        var results: [JSONValue] = []
        func endResults() {
            if !results.isEmpty { messages.append(["role": "user", "content": .array(results)]) }
            results = []
        }
        for turn in turns {
            if turn["role"]?.stringValue == "tool" {
                results.append([
                    "type": "tool_result", "tool_use_id": turn["tool_call_id"] ?? "", "content": content(turn["content"]),
                ])
                continue
            }
            endResults()
            messages.append(["role": turn["role"] ?? "user", "content": content(of: turn)])
        }
        endResults()
        return messages
    }

    private static func content(of turn: JSONValue) -> JSONValue {
        let calls = ChatRequest.calls(in: turn)
        guard !calls.isEmpty else { return content(turn["content"]) }
        var parts = turn["content"]?.arrayValue.map { $0.map(part) } ?? []
        // An empty text is refused.
        if let text = turn["content"]?.stringValue, !text.isEmpty { parts.append(["type": "text", "text": .string(text)]) }
        return .array(
            parts + calls.map { ["type": "tool_use", "id": .string($0.id), "name": .string($0.name), "input": $0.arguments] })
    }

    private static func content(_ content: JSONValue?) -> JSONValue {
        if let parts = content?.arrayValue { .array(parts.map(part)) } else { content ?? "" }
    }

    private static func part(_ part: JSONValue) -> JSONValue {
        switch part["type"]?.stringValue {
        case "refusal": return ["type": "text", "text": part["refusal"] ?? ""]
        case "image_url":
            let text = part["image_url"]?["url"]?.stringValue ?? part["image_url"]?.stringValue ?? ""
            if case .data(let mediaType, let base64) = ImageReference(text) {
                return [
                    "type": "image", "source": ["type": "base64", "media_type": .string(mediaType), "data": .string(base64)],
                ]
            }
            return ["type": "image", "source": ["type": "url", "url": .string(text)]]
        default: return part
        }
    }
}
