public import Domain
public import FoundationEssentials

/// All that may stand between a task and a worker, at one moment.
public struct TaskSituation: Sendable, Hashable {
    /// Counts stop here: who stands behind a thousand need not know behind how many.
    public static let countLimit = 1_000

    public var taskID: UUID
    public var status: TaskStatus
    /// The task as the dispatcher sees the first one of its kind: what it looks at before it admits one.
    public var entry: BacklogEntry
    public var projectStatus: ProjectStatus
    /// It was paused because a quota had too little left.
    public var isOverBudget: Bool
    /// What it may cost, in millionths of a USD; 0 where no quota bounds its project.
    var mostCost: Int
    /// What the quotas of a metered project say of the task, while it waits.
    public var budget: QuotaBook.Verdict?
    /// The most of the project's tasks in flight.
    public var cap: Int?
    public var moment: Date
    public var startedAt: Date?
    public var attempt: Int
    public var errorMessage: String?
    public var waitingOn: Int
    public var waitsForFirstChild: Bool
    public var waitsForStage: Bool
    public var unfinishedChildren: Int
    public var worker: Worker?
    /// Its last move.
    public var lastMove: Move?
    /// Tasks of its project, priority and engine that come first; at most one more than `countLimit`.
    public var ahead: Int
    public var workersAlive: Int
    /// What is known of the one engine that it needs, where that has limits or is closed.
    public var engine: EngineFigures?
    public var takesBrokerMessages = true

    public struct Worker: Sendable, Hashable {
        public var id: UUID
        public var name: String
        public var host: String
    }

    public struct Move: Sendable, Hashable {
        public var at: Date
        /// A person, or a worker.
        public var by: UUID?
        /// The person's e-mail address; nil for a worker.
        public var person: String?
        public var reason: String?
    }
}
