/// What somebody is in a project (`project_members.role`), from the least to the most. What each role may do stands in ``ProjectPermission``.
public enum ProjectRole: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Looks on.
    case viewer
    /// Hands in tasks and moves them.
    case editor
    /// Runs the project: its settings, its members, its life.
    case admin
    /// The account that the project belongs to (`projects.user_id`): there is one, and it stays.
    case owner

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .editor: 1
        case .admin: 2
        case .owner: 3
        }
    }

    public static func < (one: ProjectRole, other: ProjectRole) -> Bool { one.rank < other.rank }
}
