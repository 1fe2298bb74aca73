public import FoundationEssentials

/// Tasks of one project, priority and engine that wait.
public struct BacklogEntry: Sendable, Hashable {
    public var projectID: UUID
    public var priority: Int
    /// What the tasks say of their engine: see `TaskEngine`.
    public var engine: String
    /// The one engine that they need; nil where they have a choice, so that no one engine holds them back.
    public var neededEngine: String?
    /// The project's weight.
    public var weight: Int
    /// What its first task is expected to cost, in tokens.
    public var cost: Int
    /// How many more of the project's tasks may be in flight; nil where it has no cap.
    public var allowance: Int?
    /// How long until its first task may run; zero or less where it may now, and since when.
    public var dueIn: Duration
    /// The project is active.
    public var isActive: Bool
    /// Quotas bound the project.
    public var isMetered = false
    /// Its time has come, and its engine or its budget has no room: `dueIn` says when there may be.
    public var isHeld = false

    public init(
        projectID: UUID, priority: Int, engine: String = "", neededEngine: String? = nil, weight: Int, cost: Int = 1, allowance: Int? = nil,
        dueIn: Duration = .zero, isActive: Bool = true
    ) {
        self.projectID = projectID
        self.priority = priority
        self.engine = engine
        self.neededEngine = neededEngine
        self.weight = weight
        self.cost = cost
        self.allowance = allowance
        self.dueIn = dueIn
        self.isActive = isActive
    }

    /// Its first task could run now, if there were room.
    public var isDue: Bool { isActive && dueIn <= .zero }

    /// It is due, and its project's cap leaves room for it.
    public var mayRun: Bool { isDue && allowance ?? 1 > 0 }
}

/// A look at the backlog.
public struct Backlog: Sendable {
    /// Entries of one project are neighbours, its highest priority first.
    public var entries: [BacklogEntry]
    /// Where the next look goes on; nil where this one saw the end.
    public var next: UUID?

    public init(entries: [BacklogEntry], next: UUID? = nil) {
        self.entries = entries
        self.next = next
    }
}
