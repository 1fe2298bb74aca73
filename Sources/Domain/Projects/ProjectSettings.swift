/// What a project says about how its tasks run (`projects.settings`).
public struct ProjectSettings: Sendable, Hashable {
    /// The engines of its tasks that name none, in order of preference; how they are used stands beside them (see ``StrategyPlan``).
    public var engines: [String]?
    /// What becomes of a task whose worker was lost with a call under way.
    public var onUnknown = UnknownOutcomePolicy.retry
    /// How many of its tasks may be with the queues and the workers at once; nil for as many as there is room for.
    public var maxConcurrency: Int?
    /// Whether its events are published on the broker without fail, at least once and in order.
    public var publishesEvents = false
    /// Days that its ended tasks are kept, 0 for ever; nil where it leaves that to the operator.
    public var retentionDays: Int?
    /// As it came, with what other parts of Chorus read.
    public var object: JSONObject

    public init() {
        object = JSONObject()
    }

    /// Reads the field `settings`; what is wrong is left in `reader.errors`.
    init(reading reader: inout FieldReader, knownEngines: EngineNames) {
        object = reader.object
        engines = knownEngines.read("engines", from: &reader)
        StrategyPlan.check(&reader, engines: engines, knownEngines: knownEngines)
        onUnknown = reader.oneOf("on_unknown", UnknownOutcomePolicy.allCases.map(\.rawValue)).flatMap(UnknownOutcomePolicy.init) ?? .retry
        maxConcurrency = reader.integer("max_concurrency", in: Self.maxConcurrencyRange)
        WebhookSetting.check(&reader)
        reader.checkBudget("budget")
        publishesEvents = reader.bool("events") ?? false
        retentionDays = reader.integer("retention_days", in: Self.retentionRange)
        reader.finish()
    }

    /// Reads what the database holds.
    public init(stored object: JSONObject) {
        self.object = object
        engines = object["engines"]?.arrayValue?.compactMap(\.stringValue)
        onUnknown = object["on_unknown"]?.stringValue.flatMap(UnknownOutcomePolicy.init) ?? .retry
        maxConcurrency = object["max_concurrency"]?.intValue.flatMap { Self.maxConcurrencyRange.contains($0) ? $0 : nil }
        publishesEvents = object["events"]?.boolValue ?? false
        retentionDays = object["retention_days"]?.intValue.flatMap { Self.retentionRange.contains($0) ? $0 : nil }
    }

    static let maxConcurrencyRange = 1...1_000_000
    static let retentionRange = 0...36_500
}

/// What a project wants of a task when nobody knows whether its call was carried out: the worker died while the engine had it.
public enum UnknownOutcomePolicy: String, Sendable, Hashable, CaseIterable {
    /// Call again: the call may be paid for twice.
    case retry
    /// Pause the task, for a person to decide.
    case hold
    /// Fail the task.
    case fail
}
