/// What a person may do to a project. The raw value is the last part of its path: `POST /v1/projects/{id}/pause`.
public enum ProjectAction: String, Sendable, Hashable, CaseIterable {
    /// Its tasks wait; what runs goes on.
    case pause
    /// Its tasks run, after a pause, a cancellation or the archive.
    case resume
    /// All its tasks are cancelled, and it takes no more.
    case cancel
    /// Puts it away, once no task of it is left to run.
    case archive

    /// What the log calls it when it is done.
    public var activity: ActivityType {
        switch self {
        case .pause: .paused
        case .resume: .resumed
        case .cancel: .cancelled
        case .archive: .archived
        }
    }

    /// Where the action leads. It may be done wherever ``ProjectStatus/next`` holds that.
    public var target: ProjectStatus {
        switch self {
        case .pause: .paused
        case .resume: .active
        case .cancel: .cancelled
        case .archive: .archived
        }
    }
}
