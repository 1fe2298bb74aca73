/// What a person may do to a task. The raw value is the last part of its path: `POST /v1/tasks/{id}/cancel`.
public enum TaskAction: String, Sendable, Hashable, CaseIterable {
    /// Not wanted any more; a running call is stopped.
    case cancel
    /// Holds it back until `resume`.
    case pause
    case resume
    /// Once more from the beginning, with all its retries.
    case retry

    /// Where the action leads.
    public var target: TaskStatus {
        switch self {
        case .cancel: .cancelled
        case .pause: .paused
        case .resume, .retry: .pending
        }
    }

    /// The statuses in which it may be done: each of them can move to the target.
    public var sources: [TaskStatus] {
        switch self {
        case .cancel: [.pending, .inQueue, .retrying, .paused, .processing]
        case .pause: [.pending, .inQueue, .retrying]
        case .resume: [.paused]
        case .retry: [.failed, .cancelled]
        }
    }

    /// What the history says where the person gives no reason.
    public var reason: String {
        switch self {
        case .cancel: "Cancelled by a person."
        case .pause: "Paused by a person."
        case .resume: "Resumed by a person."
        case .retry: "Retried by a person."
        }
    }
}
