/// What may be done to a project and what is in it.
public enum ProjectPermission: String, Sendable, Hashable, CaseIterable {
    /// Seeing the project, its figures and its members.
    case read
    /// Seeing its tasks, with their history, results and events.
    case readTasks
    /// Seeing who did what.
    case readActivity
    case submitTasks
    /// Cancelling, pausing, resuming, retrying and changing tasks.
    case moveTasks
    /// Rating results.
    case giveFeedback
    /// Changing its name, weight, deadline, metadata and settings.
    case changeProject
    /// Pausing, resuming, cancelling and archiving it.
    case moveProject
    case manageMembers
    /// Making somebody an admin, and taking that back.
    case appointAdmins
    case manageWebhooks

    /// The one table of who may what: the least role that has the permission (those above it have it too), and the scope that a narrowed
    /// key needs for it besides.
    private var rule: (leastRole: ProjectRole, scope: KeyScope) {
        switch self {
        case .read: (.viewer, .projectsRead)
        case .readTasks: (.viewer, .tasksRead)
        case .readActivity: (.viewer, .projectsRead)
        case .submitTasks: (.editor, .tasksWrite)
        case .moveTasks: (.editor, .tasksWrite)
        case .giveFeedback: (.editor, .tasksWrite)
        case .changeProject: (.admin, .projectsWrite)
        case .moveProject: (.admin, .projectsWrite)
        case .manageMembers: (.admin, .membersWrite)
        case .appointAdmins: (.owner, .membersWrite)
        case .manageWebhooks: (.admin, .projectsWrite)
        }
    }

    public var leastRole: ProjectRole { rule.leastRole }
    public var scope: KeyScope { rule.scope }

    /// As in "this needs a role that may …".
    public var words: String {
        switch self {
        case .read: "see the project"
        case .readTasks: "see its tasks"
        case .readActivity: "see its activity"
        case .submitTasks: "hand in tasks"
        case .moveTasks: "move tasks"
        case .giveFeedback: "give feedback"
        case .changeProject: "change the project"
        case .moveProject: "move the project"
        case .manageMembers: "manage its members"
        case .appointAdmins: "appoint admins"
        case .manageWebhooks: "manage its webhooks"
        }
    }
}

extension ProjectRole {
    public func allows(_ permission: ProjectPermission) -> Bool { self >= permission.leastRole }
}
