/// How large a family of tasks may be. The database holds the first two as well.
public enum FamilyLimits {
    /// Levels, counted from the task without a parent.
    public static let depth = 8
    /// Children of one parent, over its whole life.
    public static let children = 1_000
    /// Tasks of one request, those inside others included.
    public static let tasksPerRequest = 1_000
    /// What `execution_order` may be; children without one are in stage 0.
    public static let stages = 0...1_000_000
}
