/// What an API key may be narrowed to. A scope never gives more than the key's user may do.
public enum KeyScope: String, Sendable, Hashable, CaseIterable {
    /// Projects, their figures, members and activity.
    case projectsRead = "projects:read"
    /// Making, changing and moving projects.
    case projectsWrite = "projects:write"
    /// Tasks, their history, calls and events.
    case tasksRead = "tasks:read"
    /// Handing in and moving tasks, feedback on their results.
    case tasksWrite = "tasks:write"
    /// Who is in a project.
    case membersWrite = "members:write"
    /// The account itself, its keys (never their secrets) and quotas.
    case accountRead = "account:read"
    /// Changing the account.
    case accountWrite = "account:write"
    /// Making and revoking keys.
    case keysWrite = "keys:write"
    /// What only administrators may, such as quotas of other accounts.
    case adminWrite = "admin:write"
}
