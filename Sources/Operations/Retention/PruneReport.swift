public import Domain
public import FoundationEssentials
import Store

/// What a run of `Pruning` removed, or would remove.
public struct PruneReport: Sendable {
    public struct Project: Sendable, Hashable {
        public var id: UUID
        /// How long it keeps its tasks.
        public var days: Int
        public var tasks: Int
    }

    /// The projects that lost tasks; of more than a thousand, the first.
    public private(set) var projects: [Project] = []
    public private(set) var projectCount = 0
    public private(set) var tasks = 0
    public private(set) var history = 0
    public private(set) var calls = 0
    public private(set) var ratings = 0
    public internal(set) var workers = 0
    /// False where the time was over first, or somebody stopped the run: the next one goes on.
    public internal(set) var isComplete = false

    private static let projectLimit = 1_000

    public init() {}

    mutating func add(_ batch: PruneBatch) {
        tasks += batch.tasks
        history += batch.history
        calls += batch.calls
        ratings += batch.ratings
    }

    mutating func add(_ plan: PrunePlan, tasks: Int) {
        guard tasks > 0 else { return }
        projectCount += 1
        if projects.count < Self.projectLimit { projects.append(Project(id: plan.projectID, days: plan.days, tasks: tasks)) }
    }

    public var json: JSONValue {
        func number(_ count: Int) -> JSONValue { .number(JSONNumber(count)) }
        return [
            "tasks": number(tasks), "history": number(history), "results": number(calls), "feedback": number(ratings),
            "workers": number(workers), "project_count": number(projectCount),
            "projects": .array(
                projects.map { ["project_id": .string($0.id.text), "retention_days": number($0.days), "tasks": number($0.tasks)] }),
            "complete": .bool(isComplete),
        ]
    }
}
