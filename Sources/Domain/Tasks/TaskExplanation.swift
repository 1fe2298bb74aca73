public import FoundationEssentials

/// Why a task is not running now, in one word and one sentence.
public struct TaskExplanation: Sendable, Hashable {
    /// The raw value is what programs read: `reason` of `GET /v1/tasks/{id}/why`.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// It has ended.
        case completed, failed, cancelled
        /// It runs, with a worker.
        case running
        /// Somebody, or something, has paused it.
        case paused
        case projectPaused = "project_paused"
        case projectCancelled = "project_cancelled"
        case projectArchived = "project_archived"
        /// Children of it have not ended, or are still to come.
        case waitingForChildren = "waiting_for_children"
        /// Siblings of an earlier stage have not ended.
        case waitingForStage = "waiting_for_stage"
        /// Its next try comes later.
        case backoff
        /// Its time has not come.
        case notBefore = "not_before"
        case engineClosed = "engine_closed"
        case noWorker = "no_worker"
        case brokerAway = "broker_away"
        /// It is with the broker, for the next worker that has a slot.
        case inQueue = "in_queue"
        /// Its project has as many in flight as it may.
        case projectCap = "project_cap"
        /// It may use more than a quota has left: of its account in this month, or of its project.
        case budget
        /// Its engine's limits are used up.
        case engineLimit = "engine_limit"
        /// Older tasks of its project come first.
        case behindOthers = "behind_others"
        /// Nothing stands before it but the turns of other projects and priorities.
        case next
    }

    public var taskID: UUID
    public var status: TaskStatus
    public var reason: Reason
    public var detail: String
    /// When that ends by itself; nil where nobody knows.
    public var until: Date?
    /// What the reason speaks of: the worker, the engine, numbers.
    public var facts: JSONObject

    public init(taskID: UUID, status: TaskStatus, reason: Reason, detail: String, until: Date? = nil, facts: JSONObject = JSONObject()) {
        self.taskID = taskID
        self.status = status
        self.reason = reason
        self.detail = detail
        self.until = until
        self.facts = facts
    }

    public var json: JSONValue {
        var object: JSONObject = [
            "task_id": .string(taskID.text), "status": .string(status.rawValue), "reason": .string(reason.rawValue),
            "detail": .string(detail), "until": JSONValue(until),
        ]
        for fact in facts.members { object[fact.key] = fact.value }
        return .object(object)
    }
}
