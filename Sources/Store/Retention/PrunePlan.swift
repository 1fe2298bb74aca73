public import FoundationEssentials

/// A project some of whose tasks may have to go: those that ended before `cutoff`.
public struct PrunePlan: Sendable, Hashable {
    public var projectID: UUID
    public var days: Int
    public var cutoff: Date

    public init(projectID: UUID, days: Int, cutoff: Date) {
        self.projectID = projectID
        self.days = days
        self.cutoff = cutoff
    }
}

/// What one batch removed, or would remove.
public struct PruneBatch: Sendable, Hashable {
    public var tasks = 0
    /// Lines of the tasks' histories.
    public var history = 0
    /// Rows of `results`.
    public var calls = 0
    /// Rows of `result_feedback`.
    public var ratings = 0
    /// The walk through the project's tasks goes on behind this id; nil where it is at its end.
    public var next: UUID?

    public init() {}
}
