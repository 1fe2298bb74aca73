import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Store

/// Who makes a request, and what is theirs. Answers are remembered for moments, so that accepting a task costs no query beside its commit.
struct Access: Sendable {
    private let store: Store
    /// By the key's digest. A revoked key works for two seconds more at most.
    private let principals: ReadThroughCache<String, Principal?>
    private let projects: ReadThroughCache<UUID, ProjectView?>

    init(_ store: Store) {
        self.store = store
        principals = ReadThroughCache(capacity: 10_000) { $0 == nil ? .milliseconds(500) : .seconds(2) }
        // A project that is not there may be made the next moment.
        projects = ReadThroughCache(capacity: 10_000) { $0 == nil ? .zero : .seconds(2) }
    }

    /// - Throws: `Problem.unauthorized`; what the database throws.
    func principal(_ request: Request) async throws -> Principal {
        guard let key = APIKey(in: request.headers) else { throw Problem.unauthorized }
        let principal = try await principals.value(for: key.digest) { [store] in try await store.principal(of: key) }
        guard let principal else { throw Problem.unauthorized }
        return principal
    }

    /// Passes where the project is the principal's; else it does not exist for them. Gives what is known of it, which is two seconds old at
    /// most, or `limit`.
    @discardableResult
    func requireProject(_ id: UUID, of principal: Principal, noOlderThan limit: Duration? = nil) async throws -> ProjectView {
        let view = try await projects.value(for: id, noOlderThan: limit) { [store] in try await store.project(id).map(ProjectView.init) }
        guard let view, view.userID == principal.userID else { throw Problem.notFound("project") }
        return view
    }
}

/// What accepting tasks needs to know of their project.
struct ProjectView: Sendable, Hashable {
    let userID: UUID
    /// The engines of its tasks that name none; nil where it names none either.
    let engines: [String]?

    init(_ project: ProjectRecord) {
        userID = project.userID
        let names = project.settings?["engines"]?.arrayValue?.compactMap(\.stringValue) ?? []
        engines = names.isEmpty ? nil : names
    }
}
