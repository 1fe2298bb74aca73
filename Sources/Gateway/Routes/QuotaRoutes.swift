import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `GET /v1/quotas`: what the caller's account may use in a month; `/v1/accounts/{user_id}/quotas/{quota_type}`: administrators set it.
struct QuotaRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/quotas") { request, _ in try await self.list(request) }
        routes.on(.put, "/v1/accounts/:user_id/quotas/:quota_type") { request, context in try await self.put(request, context) }
        routes.on(.delete, "/v1/accounts/:user_id/quotas/:quota_type") { request, context in try await self.delete(request, context) }
    }

    /// One page holds all: there is at most one of each type.
    private func list(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountRead)
        var query = QueryParameters(request)
        let userID = query.uuid("user_id") ?? principal.userID
        try query.finish()
        if userID != principal.userID { try principal.requireAdmin() }
        return Response(["data": .array(try await store.quotas(of: userID).map(\.json)), "next_cursor": .null])
    }

    private func put(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let (userID, type) = try await subject(request, context)
        let change = try QuotaChange(reading: try await bodies.json(request))
        return Response(try await store.setQuota(type, limit: change.limit, of: userID).json)
    }

    private func delete(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let (userID, type) = try await subject(request, context)
        try await store.dropQuota(type, of: userID)
        return Response(status: .noContent)
    }

    private func subject(_ request: Request, _ context: GatewayContext) async throws -> (UUID, QuotaType) {
        try await access.principal(request).requireAdmin()
        let userID = try context.id("user_id")
        guard let type = context.parameters.get("quota_type").flatMap(QuotaType.init) else { throw Problem.notFound("quota type") }
        return (userID, type)
    }
}
