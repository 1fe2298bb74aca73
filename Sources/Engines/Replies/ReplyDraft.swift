import Domain

/// A reply as it grows, in a stream event by event and else all at once.
struct ReplyDraft: Sendable, Hashable {
    /// Tool calls of one answer; an engine that counts further is confused.
    static let maxToolCalls = 1_024

    var text = ""
    var refusal = ""
    /// What the engine thought before it answered, where it shows that.
    var reasoning = ""
    var model: String?
    var finishReason: String?
    var usage: TokenUsage?
    /// A token each, in OpenAI's shape.
    var logprobs: [JSONValue] = []
    private(set) var toolCalls: [ToolCall] = []
    /// Calls that came in OpenAI's shape: they pass through as they are, with members that are not known here.
    var givenToolCalls: JSONValue?

    /// What grows word by word.
    enum Part: Sendable, Hashable {
        case text, reasoning
    }

    subscript(part: Part) -> String {
        get {
            switch part {
            case .text: text
            case .reasoning: reasoning
            }
        }
        _modify {
            switch part {
            case .text: yield &text
            case .reasoning: yield &reasoning
            }
        }
    }

    /// Bytes of all that grows word by word.
    var length: Int { text.utf8.count + reasoning.utf8.count }

    /// The part that this draft has, where it has one alone and nothing else that adds up.
    var onlyPart: Part? {
        guard text.isEmpty != reasoning.isEmpty, refusal.isEmpty, logprobs.isEmpty, toolCalls.isEmpty, givenToolCalls == nil else {
            return nil
        }
        return reasoning.isEmpty ? .text : .reasoning
    }

    /// It has no part of an answer: at most the model, why the answer ends, and what it took.
    var saysNothing: Bool {
        length == 0 && refusal.isEmpty && logprobs.isEmpty && toolCalls.isEmpty && givenToolCalls == nil
    }

    /// A call of a function, whose arguments may come in pieces.
    struct ToolCall: Sendable, Hashable {
        /// Where the engine counts it: pieces name it.
        var index: Int
        var id = ""
        var name = ""
        /// JSON text, as OpenAI gives it.
        var arguments = ""
        /// What the format wants back with the call's result, besides.
        var extra: JSONValue?

        func json(position: Int) -> JSONValue {
            var object: JSONObject = [
                "id": .string(id.isEmpty ? "call_\(position)" : id), "type": "function",
                "function": ["name": .string(name), "arguments": .string(arguments.isEmpty ? "{}" : arguments)],
            ]
            object["extra_content"] = extra
            return .object(object)
        }
    }

    /// Changes the call that the engine counts as `index`, a new one if it is the first piece of it.
    mutating func updateToolCall(_ index: Int, _ change: (inout ToolCall) -> Void) throws(EngineError) {
        // The last one is nearly always meant.
        if let position = toolCalls.lastIndex(where: { $0.index == index }) { return change(&toolCalls[position]) }
        guard toolCalls.count < Self.maxToolCalls else {
            throw EngineError(.permanent, "the answer has more than \(Self.maxToolCalls) tool calls", wasSent: true)
        }
        var call = ToolCall(index: index)
        change(&call)
        toolCalls.append(call)
    }

    /// A call that came whole.
    mutating func addToolCall(_ change: (inout ToolCall) -> Void) throws(EngineError) {
        try updateToolCall(toolCalls.count, change)
    }

    /// Nothing came that a caller could use.
    var isEmpty: Bool { text.isEmpty && refusal.isEmpty && toolCalls.isEmpty && givenToolCalls == nil && finishReason == nil }

    var reply: EngineReply {
        var extras = JSONObject()
        let built = toolCalls.enumerated().map { $0.element.json(position: $0.offset) }
        if !built.isEmpty { extras["tool_calls"] = .array(built) }
        if let givenToolCalls { extras["tool_calls"] = givenToolCalls }
        if !refusal.isEmpty { extras["refusal"] = .string(refusal) }
        if !reasoning.isEmpty { extras["reasoning"] = .string(reasoning) }
        if !logprobs.isEmpty { extras["logprobs"] = ["content": .array(logprobs)] }
        return EngineReply(
            text: text, model: model, finishReason: finishReason, usage: usage ?? TokenUsage(promptTokens: 0, completionTokens: 0),
            extras: extras)
    }
}
