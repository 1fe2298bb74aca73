import Domain

/// What a call asks for, whichever dialect it is said in.
struct SimulatedQuestion: Sendable {
    let dialect: SimulatedDialect
    var model: String
    /// The instructions and messages, each as text.
    var texts: [String] = []
    /// The message that is answered: the last one of a user.
    var last = ""
    var streams: Bool
    /// OpenAI counts a streamed answer's tokens only if asked to.
    var countsStream = true
    var wantsJSON = false
    var wantsLogprobs = false
    /// The most tokens of an answer; nil for no limit.
    var limit: Int?

    init(_ body: JSONValue, at route: SimulatedRoute) {
        dialect = route.dialect
        model = route.model ?? body["model"]?.stringValue ?? "simulated"
        streams = route.streams ?? body["stream"]?.boolValue ?? (route.dialect == .ollama)
        switch dialect {
        case .openai:
            countsStream = body["stream_options"]?["include_usage"]?.boolValue == true
            wantsJSON = body["response_format"]?["type"]?.stringValue?.hasPrefix("json") == true
            limit = body["max_tokens"]?.intValue ?? body["max_completion_tokens"]?.intValue
            wantsLogprobs = body["logprobs"]?.boolValue == true
        case .anthropic:
            wantsJSON = body["output_config"]?["format"] != nil
            limit = body["max_tokens"]?.intValue
        case .gemini:
            let generation = body["generationConfig"]
            wantsJSON = generation?["responseMimeType"] == "application/json"
            limit = generation?["maxOutputTokens"]?.intValue
            wantsLogprobs = generation?["responseLogprobs"]?.boolValue == true
        case .ollama:
            wantsJSON = body["format"].map { !$0.isNull } ?? false
            limit = body["options"]?["num_predict"]?.intValue
            wantsLogprobs = body["logprobs"]?.boolValue == true
        }
        readMessages(body)
    }

    private mutating func readMessages(_ body: JSONValue) {
        let messages = body[dialect == .gemini ? "contents" : "messages"]?.arrayValue ?? []
        let texts = messages.map { Self.text(of: $0[dialect == .gemini ? "parts" : "content"]) }
        let index = messages.lastIndex { $0["role"]?.stringValue == "user" } ?? messages.count - 1
        if texts.indices.contains(index) { last = texts[index] }
        let instructions = (body["system"] ?? body["systemInstruction"]?["parts"]).map { [Self.text(of: $0)] } ?? []
        self.texts = messages.isEmpty ? [] : instructions + texts
    }

    /// A content's text: itself, or the texts of its parts.
    private static func text(of content: JSONValue?) -> String {
        switch content {
        case .string(let text): text
        case .array(let parts): parts.compactMap { $0["text"]?.stringValue }.joined(separator: " ")
        default: ""
        }
    }
}
