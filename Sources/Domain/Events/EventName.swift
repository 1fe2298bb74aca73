/// What a reader of events calls one: `task.completed`, `project.paused`.
public enum EventName: Sendable, Hashable {
    /// A task has got this status.
    case task(TaskStatus)
    case project(ProjectEvent)
}

/// What happens to a project. The raw value is what `event_log.event` holds.
public enum ProjectEvent: String, Sendable, Hashable, CaseIterable {
    case created
    case paused
    case resumed
    case cancelled
    case archived

    /// Where the project is then.
    public var status: ProjectStatus {
        switch self {
        case .created, .resumed: .active
        case .paused: .paused
        case .cancelled: .cancelled
        case .archived: .archived
        }
    }
}

extension EventName: RawRepresentable, CaseIterable {
    public static let allCases: [EventName] = TaskStatus.allCases.map(EventName.task) + ProjectEvent.allCases.map(EventName.project)

    private static let byRawValue = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    public init?(rawValue: String) {
        guard let name = Self.byRawValue[rawValue] else { return nil }
        self = name
    }

    public var rawValue: String {
        switch self {
        case .task(let status): "task.\(status.rawValue)"
        case .project(let event): "project.\(event.rawValue)"
        }
    }
}
