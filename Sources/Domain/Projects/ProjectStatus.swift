/// What a project lets its tasks do. The raw value is what `projects.status` holds.
public enum ProjectStatus: String, Sendable, Hashable, CaseIterable {
    /// Tasks are accepted and run. Can transition to every other status.
    case active
    /// Tasks are accepted and wait; what runs goes on. Can transition to every other status.
    case paused
    /// Its tasks were cancelled; none is accepted. Can transition to `active`, `archived`.
    case cancelled
    /// Put away: readable, nothing is accepted. Can transition to `active`.
    case archived

    /// The statuses that a project may move to from this one.
    public var next: [ProjectStatus] {
        switch self {
        case .active: [.paused, .cancelled, .archived]
        case .paused: [.active, .cancelled, .archived]
        case .cancelled: [.active, .archived]
        case .archived: [.active]
        }
    }

    public var acceptsTasks: Bool { self == .active || self == .paused }
}
