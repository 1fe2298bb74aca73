/// What a metric means: the one list of all that Chorus counts. The operations page shows it.
public struct MetricDescription: Sendable, Hashable {
    public var name: String
    public var kind: MetricKind
    public var labels: [String]
    public var help: String
    /// A histogram's bounds, ascending, in the metric's unit.
    public var buckets: [Double]

    init(_ name: String, _ kind: MetricKind, _ labels: [String] = [], _ help: String, buckets: [Double] = []) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        self.buckets = buckets
    }

    /// For what a machine does.
    static let seconds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// For what an engine does.
    static let engineSeconds: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

    public static let all: [MetricDescription] = [
        .init("chorus_http_requests_total", .counter, ["method", "route", "status"], "Requests answered, by route and status."),
        .init("chorus_http_request_seconds", .histogram, ["route"], "From a request's head to its answer's head.", buckets: seconds),
        .init("chorus_tasks_accepted_total", .counter, [], "Tasks that this gateway stored."),
        .init("chorus_queue_messages", .gauge, ["lane"], "Messages that wait in the broker's queues for a worker, by lane."),
        .init("chorus_broker_connected", .gauge, [], "1 while the broker takes messages from this gateway."),
        .init("chorus_worker_slots", .gauge, [], "Calls that this worker may have under way."),
        .init("chorus_worker_running_tasks", .gauge, [], "Tasks that run in this worker."),
        .init("chorus_tasks_claimed_total", .counter, [], "Tasks that this worker claimed."),
        .init("chorus_tasks_ended_total", .counter, ["status"], "Tasks that this worker recorded, by the status they moved to."),
        .init("chorus_engine_calls_total", .counter, ["engine", "outcome"], "Calls of engines, by how they ended."),
        .init("chorus_engine_call_seconds", .histogram, ["engine"], "How long calls of engines took.", buckets: engineSeconds),
        .init("chorus_engine_tokens_total", .counter, ["engine", "kind"], "Tokens that engines counted: prompt, completion."),
    ]
}
