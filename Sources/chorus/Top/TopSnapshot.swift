import Domain
import Foundation

/// What `GET /v1/overview` said at one moment. What is not there, or of another kind, counts as nothing: a newer gateway may say it otherwise.
struct TopSnapshot: Sendable, Hashable {
    struct Spread: Sendable, Hashable {
        var median: Int
        var high: Int

        init?(_ json: JSONValue?) {
            guard let median = json?["p50"]?.intValue, let high = json?["p99"]?.intValue else { return nil }
            self.median = median
            self.high = high
        }
    }

    struct LaneLine: Sendable, Hashable {
        var name: String
        var inQueue: Int
        var processing: Int
        /// Seconds.
        var oldest: Double?
    }

    struct ProjectLine: Sendable, Hashable {
        var id: String
        var name: String
        var status: String
        var weight: Int
        var tasks: [TaskStatus: Int]
        var perMinute: Int

        var waiting: Int { [.pending, .retrying, .paused].reduce(0) { $0 + (tasks[$1] ?? 0) } }
        var ended: Int { tasks.ended }
    }

    struct EngineLine: Sendable, Hashable {
        var name: String
        var gate: String
        var gateReason: String?
        var inQueue: Int
        var processing: Int
        var callsPerMinute: Double
        var tokensPerMinute: Double
        var failed: Double
        var duration: Spread?
    }

    struct WorkerLine: Sendable, Hashable {
        var id: String
        var name: String
        var host: String
        var processID: Int
        var version: String
        var status: String
        var concurrency: Int
        var running: Int

        var isAlive: Bool { ["alive", "draining"].contains(status) }
    }

    var at: Date
    var tasks: [TaskStatus: Int]
    var perMinute: Int
    var wait: Spread?
    var lanes: [LaneLine]
    var projects: [ProjectLine]
    var engines: [EngineLine]
    var workers: [WorkerLine]

    var ended: Int { tasks.ended }
    var slots: Int { workers.reduce(0) { $0 + ($1.isAlive ? $1.concurrency : 0) } }
    var running: Int { workers.reduce(0) { $0 + $1.running } }

    init(_ json: JSONValue) {
        at = json["at"]?.stringValue.flatMap(RFC3339.date) ?? Date()
        tasks = Self.tasks(json["tasks"])
        perMinute = json["per_minute"]?.intValue ?? 0
        wait = Spread(json["wait_ms"])
        lanes = Self.list(json["lanes"]) { lane in
            LaneLine(
                name: Self.text(lane["lane"]), inQueue: Self.number(lane["in_queue"]), processing: Self.number(lane["processing"]),
                oldest: lane["oldest_seconds"]?.doubleValue)
        }
        projects = Self.list(json["projects"]) { project in
            ProjectLine(
                id: Self.text(project["project_id"]), name: Self.text(project["project_name"]), status: Self.text(project["status"]),
                weight: Self.number(project["priority"]), tasks: Self.tasks(project["tasks"]), perMinute: Self.number(project["per_minute"])
            )
        }
        engines = Self.list(json["engines"]) { engine in
            EngineLine(
                name: Self.text(engine["name"]), gate: Self.text(engine["gate"]?["state"]),
                gateReason: engine["gate"]?["reason"]?.stringValue.map(DisplayText.plain), inQueue: Self.number(engine["in_queue"]),
                processing: Self.number(engine["processing"]), callsPerMinute: engine["calls_per_minute"]?.doubleValue ?? 0,
                tokensPerMinute: engine["tokens_per_minute"]?.doubleValue ?? 0, failed: engine["failed_share"]?.doubleValue ?? 0,
                duration: Spread(engine["duration_ms"]))
        }
        workers = Self.list(json["workers"]) { worker in
            WorkerLine(
                id: Self.text(worker["worker_id"]), name: Self.text(worker["name"]), host: Self.text(worker["host"]),
                processID: Self.number(worker["process_id"]), version: Self.text(worker["version"]), status: Self.text(worker["status"]),
                concurrency: Self.number(worker["concurrency"]), running: Self.number(worker["running"]))
        }
    }

    /// Names come from anywhere: nothing of them may move the terminal's cursor.
    private static func text(_ json: JSONValue?) -> String { DisplayText.plain(json?.stringValue ?? "") }
    private static func number(_ json: JSONValue?) -> Int { json?.intValue ?? 0 }
    private static func list<Line>(_ json: JSONValue?, _ line: (JSONValue) -> Line) -> [Line] { (json?.arrayValue ?? []).map(line) }

    private static func tasks(_ json: JSONValue?) -> [TaskStatus: Int] {
        TaskStatus.allCases.reduce(into: [:]) { counts, status in counts[status] = json?[status.rawValue]?.intValue ?? 0 }
    }
}

extension [TaskStatus: Int] {
    /// Tasks whose status is final.
    fileprivate var ended: Int { reduce(0) { $0 + ($1.key.isFinal ? $1.value : 0) } }
}
