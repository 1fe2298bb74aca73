/// What a call's failure means for the task, in the order in which failures decide: the last one of several has the say.
public enum CallFailure: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// The same would happen again. Decides only where all engines say so: another try may help as long as one of them may do better.
    case permanent
    /// Nothing was done, nothing was paid: another try is free. Yields to work that failed, or an engine that always refuses would make
    /// the others' failures free, without an end.
    case free
    /// Work was done, or may have been, and another try may help: it spends a retry.
    case passing
    /// The caller stopped it: the task is handed back.
    case stopped

    public static func < (one: CallFailure, other: CallFailure) -> Bool { one.rawValue < other.rawValue }
}
