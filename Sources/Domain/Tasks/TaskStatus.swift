/// Where a task is in its life. The raw value is what `tasks.status` holds.
///
/// ```
///            ┌────────────── retry by a person ───────────────┐
///            ▼                                                │
///        pending ──▶ in_queue ──▶ processing ──▶ completed    │
///         ▲  │  ▲        │  ▲        │ │ │                    │
///  resume │  │  └────────┘  │        │ │ └─────▶ failed ──────┤
///         │  ▼              └─ retrying                       │
///        paused              (backoff)   └─────▶ cancelled ───┘
/// ```
///
/// The same table stands in the database (`task_transitions`), which refuses every other move.
public enum TaskStatus: String, Sendable, Hashable, CaseIterable {
    /// Accepted, not yet with the broker. Can transition to `inQueue`, `paused`, `cancelled`, `failed`.
    case pending
    /// The broker confirmed it. Can transition to `processing`, `pending`, `paused`, `cancelled`, `failed`.
    case inQueue = "in_queue"
    /// A worker claimed it. Can transition to `completed`, `failed`, `retrying`, `cancelled`.
    case processing
    /// Done, with its output. Final.
    case completed
    /// Will not be done. Can transition to `pending`, by a person.
    case failed
    /// Not wanted any more. Can transition to `pending`, by a person.
    case cancelled
    /// Held back by a person or a budget. Can transition to `pending`, `cancelled`, `failed`.
    case paused
    /// Waits for its backoff. Can transition to `inQueue`, `paused`, `cancelled`, `failed`.
    case retrying

    /// The statuses that a task may move to from this one.
    public var next: [TaskStatus] {
        switch self {
        case .pending: [.inQueue, .paused, .cancelled, .failed]
        case .inQueue: [.processing, .pending, .paused, .cancelled, .failed]
        case .processing: [.completed, .failed, .retrying, .cancelled]
        case .completed: []
        case .failed, .cancelled: [.pending]
        case .paused: [.pending, .cancelled, .failed]
        case .retrying: [.inQueue, .paused, .cancelled, .failed]
        }
    }

    public func canMove(to other: TaskStatus) -> Bool { next.contains(other) }

    /// It has not ended and does not run: it may still be changed, and be given children.
    public var isWaiting: Bool { self != .processing && !isFinal }

    /// Nothing but a person's retry moves the task on.
    public var isFinal: Bool { self == .completed || self == .failed || self == .cancelled }
}
