public import Domain

/// What a call brought.
public struct EngineAnswer: Sendable, Hashable {
    /// Empty for vectors.
    public let text: String
    /// The `output_data` of the completed task.
    public let outputData: JSONValue
    public let usage: TokenUsage
    public let finishReason: String?
    /// The model that answered, as the engine names it; the one asked for where it names none.
    public let model: String
    /// From the call's begin to the answer's last byte.
    public let processingTime: Duration

    /// How sure the engine was, where it gave log-probabilities.
    public var confidence: Double? { outputData["logprobs"]?["content"]?.arrayValue.flatMap(Confidence.score) }

    init(_ reply: EmbeddingReply, engine: String, modelAskedFor: String, processingTime: Duration) {
        let model = reply.model ?? modelAskedFor
        let usage = reply.usage ?? TokenUsage(promptTokens: 0, completionTokens: 0)
        self.text = ""
        self.outputData = [
            "embeddings": .array(reply.vectors), "engine": .string(engine), "model": .string(model), "usage": usage.json,
        ]
        self.usage = usage
        self.finishReason = nil
        self.model = model
        self.processingTime = processingTime
    }

    init(_ reply: EngineReply, engine: String, modelAskedFor: String, processingTime: Duration) {
        let model = reply.model ?? modelAskedFor
        var output: JSONObject = [
            "text": .string(reply.text), "engine": .string(engine), "model": .string(model),
            "finish_reason": reply.finishReason.map(JSONValue.string) ?? .null, "usage": reply.usage.json,
        ]
        for extra in reply.extras.members { output[extra.key] = extra.value }
        self.text = reply.text
        self.outputData = .object(output)
        self.usage = reply.usage
        self.finishReason = reply.finishReason
        self.model = model
        self.processingTime = processingTime
    }
}
