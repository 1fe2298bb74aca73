import Domain

/// A task's `input_data`, taken apart for formats that say the same in other words than OpenAI's.
struct ChatRequest {
    let input: JSONObject
    let model: String
    let messages: [JSONValue]

    /// Keys that are not for any engine: Chorus' own, and streaming, which is the worker's business.
    static let withheld: Set<String> = [
        "engine", "engines", "strategy", "choose", "judge", "prompt", "messages", "model", "stream", "stream_options",
    ]

    /// A permanent error where the input has no words, or words that `type` has no counterpart of.
    init(_ input: JSONObject, to engine: EngineDefinition) throws(EngineError) {
        let inexpressible = engine.engineType.inexpressible(in: input)
        guard inexpressible.isEmpty else {
            let faults = inexpressible.prefix(5).map { "input_data\($0.pointer) \($0.detail)" }.joined(separator: "; ")
            throw EngineError(.permanent, faults, wasSent: false)
        }
        self.input = input
        self.model = input["model"]?.stringValue ?? engine.model
        self.messages = try Self.messages(of: input)
    }

    /// `messages`, or the one that `prompt` stands for.
    static func messages(of input: JSONObject) throws(EngineError) -> [JSONValue] {
        if let messages = input["messages"], !messages.isNull {
            guard let list = messages.arrayValue, !list.isEmpty else {
                throw EngineError(.permanent, "input_data.messages must be an array with at least one message", wasSent: false)
            }
            return list
        }
        guard let prompt = input["prompt"]?.stringValue else {
            throw EngineError(.permanent, "input_data needs 'messages' or 'prompt'", wasSent: false)
        }
        return [["role": "user", "content": .string(prompt)]]
    }

    /// The messages' instructions in one text, nil if there are none, and the turns behind them.
    var systemAndTurns: (system: String?, turns: [JSONValue]) {
        let isSystem = { (message: JSONValue) in ["system", "developer"].contains(message["role"]?.stringValue) }
        let system = messages.filter(isSystem).map { Self.text(of: $0["content"]) }
        return (system.isEmpty ? nil : system.joined(separator: "\n\n"), messages.filter { !isSystem($0) })
    }

    var maxTokens: JSONValue? { [input["max_tokens"], input["max_completion_tokens"]].lazy.compactMap { $0 }.first { !$0.isNull } }

    /// `stop` as a list; nil where there is none.
    var stopSequences: JSONValue? {
        switch input["stop"] {
        case .string(let text): [.string(text)]
        case .array(let texts) where !texts.isEmpty: .array(texts)
        default: nil
        }
    }

    /// The functions that may be called; elements of `tools` that are no functions are the format's own.
    var functions: (functions: [JSONValue], others: [JSONValue]) {
        let tools = input["tools"]?.arrayValue ?? []
        return (tools.compactMap { $0["function"] }, tools.filter { $0["function"] == nil })
    }

    /// The schema that the answer must keep to; nil where none is asked for.
    var schema: JSONValue? { input["response_format"]?["json_schema"]?["schema"] }

    var asksForJSON: Bool { ResponseFormat.asksForJSON(input) }

    /// The fields that neither Chorus nor this format's translation knows: they go to the engine as they are.
    func passedThrough(except translated: Set<String>) -> [JSONObject.Member] {
        input.members.filter { !Self.withheld.contains($0.key) && !translated.contains($0.key) }
    }

    /// A content's text: itself, or the texts of its parts in one.
    static func text(of content: JSONValue?) -> String {
        switch content {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.stringValue ?? $0["refusal"]?.stringValue }.joined()
        default: ""
        }
    }

    /// The functions that a message calls, each with its arguments as a value.
    static func calls(in message: JSONValue) -> [(id: String, name: String, arguments: JSONValue, extra: JSONValue?)] {
        (message["tool_calls"]?.arrayValue ?? []).map { call in
            let arguments = call["function"]?["arguments"]
            let value = arguments?.stringValue.flatMap { try? JSONValue(parsing: $0) } ?? arguments
            return (
                call["id"]?.stringValue ?? "", call["function"]?["name"]?.stringValue ?? "",
                value?.objectValue.map(JSONValue.object) ?? [:],
                call["extra_content"]
            )
        }
    }
}
