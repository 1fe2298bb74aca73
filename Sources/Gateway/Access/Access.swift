import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Store

/// Who makes a request, and what they may. Answers are remembered for moments, so that accepting a task costs no query beside its commit.
///
/// What a person took away (a key, a session, a membership) works for two seconds more at most, on every gateway.
struct Access: Sendable {
    private static let lifetime: Duration = .seconds(2)

    private let store: Store
    private let tokens: SessionTokens
    private let uses: KeyUseWriter
    /// By the credential's digest.
    private let principals: ReadThroughCache<String, Principal?>
    private let projects: ReadThroughCache<ProjectView.Key, ProjectView?>
    /// The project of each task: it never changes.
    private let projectsOfTasks: ReadThroughCache<UUID, UUID?>

    init(_ store: Store, tokens: SessionTokens, uses: KeyUseWriter) {
        self.store = store
        self.tokens = tokens
        self.uses = uses
        principals = ReadThroughCache(capacity: 10_000) { $0 == nil ? .milliseconds(500) : Self.lifetime }
        // A project that is not there may be made, and somebody made a member, the next moment.
        projects = ReadThroughCache(capacity: 10_000) { $0?.role == nil ? .zero : Self.lifetime }
        projectsOfTasks = ReadThroughCache(capacity: 10_000) { $0 == nil ? .zero : .seconds(60) }
    }

    /// - Throws: `Problem.unauthorized`; what the database throws.
    func principal(_ request: Request) async throws -> Principal {
        guard let credential = Credential(in: request.headers) else { throw Problem.unauthorized }
        return try await principal(showing: credential)
    }

    /// - Throws: `Problem.unauthorized`; what the database throws.
    func principal(showing credential: Credential) async throws -> Principal {
        let principal = try await principals.value(for: credential.digest) { [store, tokens] in
            switch credential {
            case .key(let key): try await store.principal(of: key)
            case .token(let token): try await tokens.principal(of: token)
            }
        }
        guard let principal else { throw Problem.unauthorized }
        uses.note(principal)
        return principal
    }

    /// Passes where the principal may do `permission` to the project, and gives what is known of it, which is two seconds old at most, or
    /// `limit`.
    ///
    /// - Parameter what: what the caller asked for, if not the project itself: a 404 must not tell that it is there, elsewhere.
    /// - Throws: a 404 where they do not see it, a 403 where they see it and may not; what the database throws.
    @discardableResult
    func requireProject(
        _ id: UUID, of principal: Principal, to permission: ProjectPermission, for what: String = "project",
        noOlderThan limit: Duration? = nil
    ) async throws -> ProjectView {
        let userID = principal.userID
        let view = try await projects.value(for: ProjectView.Key(projectID: id, userID: userID), noOlderThan: limit) { [store] in
            try await store.standing(of: userID, inProject: id).map(ProjectView.init)
        }
        guard let view else { throw Problem.notFound(what) }
        switch principal.verdict(on: id, role: view.role, permission) {
        case .allowed: return view
        case .unseen: throw Problem.notFound(what)
        case .refused(let problem): throw problem
        }
    }

    /// Passes where the principal may do `permission` to the task's project, and gives its id. Throws like `requireProject`.
    @discardableResult
    func requireTask(_ id: UUID, of principal: Principal, to permission: ProjectPermission) async throws -> UUID {
        let projectID = try await projectsOfTasks.value(for: id) { [store] in try await store.projectID(ofTask: id) }
        guard let projectID else { throw Problem.notFound("task") }
        try await requireProject(projectID, of: principal, to: permission, for: "task")
        return projectID
    }
}
