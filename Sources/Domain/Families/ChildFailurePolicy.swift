/// What a parent does when a child fails or is cancelled. The raw value is what `tasks.on_child_failure` holds.
public enum ChildFailurePolicy: String, Sendable, Hashable, CaseIterable {
    /// It fails too, and the rest of its family is cancelled.
    case fail
    /// It runs when all children have ended, however they did.
    case goOn = "continue"
}
