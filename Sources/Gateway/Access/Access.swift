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
    private let owners: ReadThroughCache<UUID, UUID?>

    init(_ store: Store) {
        self.store = store
        principals = ReadThroughCache(capacity: 10_000) { $0 == nil ? .milliseconds(500) : .seconds(2) }
        // A project that is not there may be made the next moment.
        owners = ReadThroughCache(capacity: 10_000) { $0 == nil ? .zero : .seconds(2) }
    }

    /// - Throws: `Problem.unauthorized`; what the database throws.
    func principal(_ request: Request) async throws -> Principal {
        guard let key = APIKey(in: request.headers) else { throw Problem.unauthorized }
        let principal = try await principals.value(for: key.digest) { [store] in try await store.principal(of: key) }
        guard let principal else { throw Problem.unauthorized }
        return principal
    }

    /// Passes where the project is the principal's; else it does not exist for them.
    func requireProject(_ id: UUID, of principal: Principal) async throws {
        let owner = try await owners.value(for: id) { [store] in try await store.project(id)?.userID }
        guard owner == principal.userID else { throw Problem.notFound("project") }
    }
}
