import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/api-keys`: the caller's own keys. A secret is shown once, in the answer that makes it.
struct KeyRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/api-keys") { request, _ in try await self.list(request) }
        routes.on(.post, "/v1/api-keys") { request, _ in try await self.create(request) }
        routes.on(.delete, "/v1/api-keys/:key_id") { request, context in try await self.revoke(request, context) }
    }

    private func list(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountRead)
        let page = try PageRequest(request)
        return Response(try await store.keys(of: principal.userID, limit: page.limit, before: page.cursor)) { .object($0.json) }
    }

    private func create(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.keysWrite)
        let key = try IdempotencyKey(request, of: principal)
        let (body, repeatable) = try await bodies.json(request, under: key)
        if let repeatable, let first = try await store.repetition(of: repeatable) { return Response(repeating: first) }
        let new = try NewKey(reading: body, at: Date())
        try principal.requireMaking(new)
        switch try await store.createKey(new, by: principal, under: repeatable) {
        case .made(let made):
            var object = made.record.json
            object["api_key"] = .string(made.key.secret)
            return Response(.object(object), status: .created, location: "/v1/api-keys/\(made.record.id.text)")
        // Nobody keeps the secret: the answer is that the key is there.
        case .repeated(let first): return Response(repeating: first)
        }
    }

    private func revoke(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("key_id")
        try principal.require(.keysWrite)
        _ = try await store.revokeKey(id, of: principal.userID)
        return Response(status: .noContent)
    }
}
