public import Domain
public import FoundationEssentials

/// What the whole fleet does at this moment, for operators: the busiest projects, the lanes, engines and workers.
public struct FleetOverview: Sendable {
    /// The median, and what one in a hundred exceeds.
    public struct Spread: Sendable, Hashable {
        public var median: Int
        public var high: Int
    }

    public struct LaneFigures: Sendable, Hashable {
        public var inQueue = 0
        public var processing = 0
        /// Seconds since the longest waiting task was put into the queue; nil where none waits.
        public var oldest: Double?
    }

    public struct ProjectFigures: Sendable, Hashable {
        public var id: UUID
        public var name: String
        public var status: ProjectStatus
        public var weight: Int
        public var tasks: [TaskStatus: Int] = [:]
        /// Tasks that ended in the last minute that is over.
        public var perMinute = 0
    }

    /// What the calls of the last minute say of an engine.
    public struct EngineLoad: Sendable, Hashable {
        public var callsPerMinute = 0.0
        public var tokensPerMinute = 0.0
        /// Of the calls that have ended, 0 to 1.
        public var failed = 0.0
        /// Milliseconds, of completed calls; nil where there are none.
        public var duration: Spread?
    }

    public var at: Date
    /// Of all projects.
    public var tasks: [TaskStatus: Int] = [:]
    public var perMinute = 0
    /// Milliseconds from the time that a task could run to its first call.
    public var wait: Spread?
    public var lanes: [Lane: LaneFigures] = [:]
    /// Those with work in flight, with work that waits, and those where something ended a moment ago.
    public var projects: [ProjectFigures] = []
    public var engines: [(engine: EngineRow, figures: EngineFigures, load: EngineLoad)] = []
    public var workers: [WorkerRow] = []

    public var json: JSONValue {
        [
            "at": JSONValue(at),
            "tasks": Self.json(tasks),
            "per_minute": .number(JSONNumber(perMinute)),
            "wait_ms": wait.map(Self.json) ?? .null,
            "lanes": .array(
                Lane.allCases.sorted().map { lane in
                    let figures = lanes[lane] ?? LaneFigures()
                    return [
                        "lane": .string(lane.rawValue), "in_queue": .number(JSONNumber(figures.inQueue)),
                        "processing": .number(JSONNumber(figures.processing)), "oldest_seconds": JSONValue(figures.oldest),
                    ]
                }),
            "projects": .array(projects.map(Self.json)),
            "engines": .array(engines.map { Self.json($0.engine, $0.figures, $0.load, at: at) }),
            "workers": .array(workers.map(\.json)),
        ]
    }

    private static func json(_ tasks: [TaskStatus: Int]) -> JSONValue {
        .object(TaskStatus.allCases.reduce(into: JSONObject()) { $0[$1.rawValue] = .number(JSONNumber(tasks[$1] ?? 0)) })
    }

    private static func json(_ spread: Spread) -> JSONValue {
        ["p50": .number(JSONNumber(spread.median)), "p99": .number(JSONNumber(spread.high))]
    }

    private static func json(_ project: ProjectFigures) -> JSONValue {
        [
            "project_id": .string(project.id.text), "project_name": .string(project.name), "status": .string(project.status.rawValue),
            "priority": .number(JSONNumber(project.weight)), "tasks": json(project.tasks),
            "per_minute": .number(JSONNumber(project.perMinute)),
        ]
    }

    private static func json(_ engine: EngineRow, _ figures: EngineFigures, _ load: EngineLoad, at now: Date) -> JSONValue {
        [
            "name": .string(engine.name), "engine_type": .string(engine.type), "gate": figures.gate(at: now),
            "in_queue": .number(JSONNumber(figures.inQueue)), "processing": .number(JSONNumber(figures.inFlight - figures.inQueue)),
            "calls_per_minute": JSONValue(tenths(load.callsPerMinute)), "tokens_per_minute": JSONValue(tenths(load.tokensPerMinute)),
            "failed_share": JSONValue((load.failed * 1_000).rounded() / 1_000), "duration_ms": load.duration.map(json) ?? .null,
        ]
    }

    private static func tenths(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}
