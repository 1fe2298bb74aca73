/// What a task will cost, guessed before it runs: projects share the workers in these tokens, so that a project of long tasks gets no more
/// of an engine than one of short tasks.
///
/// A guess that is wrong by a factor for all tasks of all projects changes nothing: only the ratio of costs matters.
public enum TokenEstimate {
    public static let range = 1...10_000_000
    /// What an answer costs for which no `max_tokens` was asked.
    public static let standardAnswer = 500
    /// UTF-8 bytes of text a token, roughly: what tokenizers make of English.
    static let bytesPerToken = 4

    /// The text that goes to the engine, and the answer that may come back; as often as the task itself says that engines are asked for it.
    ///
    /// Vectors are no tokens: an embedding costs its texts alone. A group asks nobody.
    public static func tokens(_ input: JSONObject, type: String = TaskType.chat.rawValue) -> Int {
        clamped(tokensOfCall(input, type: type) * (type == TaskType.embedding.rawValue ? 1 : calls(input)))
    }

    /// What one engine that is asked has to do: its gate reserves as much.
    public static func tokensOfCall(_ input: JSONObject, type: String = TaskType.chat.rawValue) -> Int {
        if type == TaskType.group.rawValue { return range.lowerBound }
        if type == TaskType.embedding.rawValue {
            return clamped(EmbeddingInput.texts(of: input).reduce(0) { $0 + max(1, $1.utf8.count / bytesPerToken) })
        }
        let bytes = (input["prompt"]?.stringValue).map(\.utf8.count) ?? 0
        let messages = input["messages"]?.arrayValue ?? []
        let text = messages.reduce(bytes) { $0 + textBytes($1["content"]) }
        let answer = [input["max_tokens"], input["max_completion_tokens"]].lazy.compactMap { $0?.intValue }.first ?? standardAnswer
        return clamped(text / bytesPerToken + clamped(answer))
    }

    private static func calls(_ input: JSONObject) -> Int {
        guard let strategy = input["strategy"]?.stringValue.flatMap(Strategy.init), strategy.asksAll else { return 1 }
        return input["engines"]?.arrayValue?.count ?? 1
    }

    /// A message's content is a string, or parts of which some hold text.
    private static func textBytes(_ content: JSONValue?) -> Int {
        switch content {
        case .string(let text): text.utf8.count
        case .array(let parts): parts.reduce(0) { $0 + ($1["text"]?.stringValue?.utf8.count ?? 0) }
        default: 0
        }
    }

    private static func clamped(_ tokens: Int) -> Int { min(max(tokens, range.lowerBound), range.upperBound) }
}
