public import FoundationEssentials

/// The decisions, all of them: without I/O, so that a test can go through every case.
extension Principal {
    public enum Verdict: Sendable, Hashable {
        case allowed
        /// The project does not exist for them, whatever the database holds.
        case unseen
        /// They see it, and may not; the problem says why.
        case refused(Problem)
    }

    /// Whether they may do `permission` to a project in which they have `role`, nil for none.
    public func verdict(on project: UUID, role: ProjectRole?, _ permission: ProjectPermission) -> Verdict {
        guard let role, permissions.sees(project: project) else { return .unseen }
        guard role.allows(permission) else {
            return .refused(.lacking(permission, role))
        }
        guard permissions.allows(permission.scope) else { return .refused(.lacking(permission.scope)) }
        return .allowed
    }

    /// Passes where a key that was narrowed has the scope: for what belongs to no project.
    public func require(_ scope: KeyScope) throws(Problem) {
        guard permissions.allows(scope) else { throw .lacking(scope) }
    }

    /// Passes for what is of all projects, or makes new ones: a key that was narrowed to some cannot.
    public func requireAllProjects() throws(Problem) {
        guard permissions.projects == nil else { throw .forbidden("This API key is for some projects only.") }
    }

    /// Passes for administrators.
    public func requireAdmin() throws(Problem) {
        guard isAdmin else { throw .forbidden("This is for administrators.") }
        try require(.adminWrite)
    }
}

extension Problem {
    /// The caller is known, and may not.
    public static func forbidden(_ detail: String, errors: [FieldError] = []) -> Problem {
        Problem(status: 403, title: "Forbidden", detail: detail, errors: errors)
    }

    static func lacking(_ permission: ProjectPermission, _ role: ProjectRole) -> Problem {
        .forbidden("Your role in the project is \(role.rawValue): to \(permission.words) takes \(permission.leastRole.rawValue).")
    }

    static func lacking(_ scope: KeyScope) -> Problem {
        .forbidden("This API key lacks the scope \(scope.rawValue).")
    }
}
