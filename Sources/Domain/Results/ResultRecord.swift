public import FoundationEssentials

/// A row of `results`: one call to an engine.
public struct ResultRecord: Sendable, Hashable {
    public var id: UUID
    public var taskID: UUID
    /// The name of the engine that was called.
    public var engine: String
    public var output: JSONValue
    /// 0 to 1; nil where the engine gives nothing to compute it from.
    public var confidence: Double?
    /// Milliseconds.
    public var processingTime: Int?
    public var tokenUsage: JSONValue?
    public var createdAt: Date
    public var status: ResultStatus
    /// The claim of the task that made the call.
    public var attempt: Int
    /// Of an attempt with several answers: whether the task completed with this one; else nil.
    public var chosen: Bool?

    public init(
        id: UUID, taskID: UUID, engine: String, output: JSONValue, confidence: Double?, processingTime: Int?, tokenUsage: JSONValue?,
        createdAt: Date, status: ResultStatus, attempt: Int, chosen: Bool? = nil
    ) {
        self.id = id
        self.taskID = taskID
        self.engine = engine
        self.output = output
        self.confidence = confidence
        self.processingTime = processingTime
        self.tokenUsage = tokenUsage
        self.createdAt = createdAt
        self.status = status
        self.attempt = attempt
        self.chosen = chosen
    }

    public var json: JSONValue {
        .object([
            "result_id": .string(id.text),
            "task_id": .string(taskID.text),
            "engine_type": .string(engine),
            "output_data": output,
            "confidence_score": JSONValue(confidence),
            "processing_time": JSONValue(processingTime),
            "token_usage": tokenUsage ?? .null,
            "created_at": JSONValue(createdAt),
            "status": .string(status.rawValue),
            "attempt": .number(JSONNumber(attempt)),
            "chosen": chosen.map(JSONValue.bool) ?? .null,
        ])
    }
}
