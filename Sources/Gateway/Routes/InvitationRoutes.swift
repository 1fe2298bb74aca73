import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/invitations`: administrators let people register. A code is shown once, in the answer that makes it.
struct InvitationRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/invitations") { request, _ in try await self.list(request) }
        routes.on(.post, "/v1/invitations") { request, _ in try await self.invite(request) }
        routes.on(.delete, "/v1/invitations/:invitation_id") { request, context in try await self.withdraw(request, context) }
    }

    private func list(_ request: Request) async throws -> Response {
        try await access.principal(request).requireAdmin()
        let page = try PageRequest(request)
        return Response(try await store.invitations(limit: page.limit, before: page.cursor)) { .object($0.json) }
    }

    private func invite(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.requireAdmin()
        let key = try IdempotencyKey(request, of: principal)
        let (body, repeatable) = try await bodies.json(request, under: key)
        if let repeatable, let first = try await store.repetition(of: repeatable) { return Response(repeating: first) }
        let new = try NewInvitation(reading: body, at: Date())
        switch try await store.invite(new, by: principal.userID, under: repeatable) {
        case .made(let made):
            var object = made.record.json
            object["code"] = .string(made.code.secret)
            return Response(.object(object), status: .created, location: "/v1/invitations/\(made.record.id.text)")
        case .repeated(let first): return Response(repeating: first)
        }
    }

    private func withdraw(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("invitation_id")
        try principal.requireAdmin()
        try await store.withdrawInvitation(id)
        return Response(status: .noContent)
    }
}
