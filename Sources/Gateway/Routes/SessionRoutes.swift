import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/sessions`: logging in and out. A token is shown once, in the answer that begins its session.
struct SessionRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader
    let logins: Logins
    let tokens: SessionTokens

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/sessions") { request, context in try await self.begin(request, context) }
        routes.on(.get, "/v1/sessions") { request, _ in try await self.list(request) }
        routes.on(.delete, "/v1/sessions/current") { request, _ in try await self.endCurrent(request) }
        routes.on(.delete, "/v1/sessions/:session_id") { request, context in try await self.end(request, context) }
    }

    /// A repetition under the same Idempotency-Key gets a token of the same session: that is made anew, and kept nowhere.
    private func begin(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let key = try IdempotencyKey.text(request)
        let body = try await bodies.json(request)
        let userID = try await logins.check(try Login(reading: body), from: context.clientAddress)
        let repeatable = key.map {
            IdempotentRequest(
                key: IdempotencyKey(userID: userID, source: .http, text: $0), digest: [UInt8](digestOf: request, withoutPasswordIn: body))
        }
        let creation = try await store.beginSession(
            of: userID, lifetime: tokens.lifetime / .seconds(1), clientAddress: context.clientAddress,
            userAgent: request.headers[.userAgent], under: repeatable)
        switch creation {
        case .made(let session): return try await response(session)
        case .repeated(let first):
            let id = try JSONValue(parsing: first.answer.body)["session_id"]?.stringValue.flatMap { UUID(text: $0) }
            guard let id, let session = try await store.session(id, of: userID) else {
                throw Problem.conflict("The session that the first request with this Idempotency-Key began has ended.")
            }
            var response = try await response(session)
            response.headers[.idempotencyReplayed] = "true"
            return response
        }
    }

    private func response(_ session: SessionRecord) async throws -> Response {
        Response(
            [
                "token": .string(try await tokens.token(for: session)), "token_type": "Bearer",
                "expires_at": JSONValue(session.expiresAt), "session_id": .string(session.id.text),
            ], status: .created, location: "/v1/sessions/\(session.id.text)")
    }

    private func list(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountRead)
        let page = try PageRequest(request)
        return Response(try await store.sessions(of: principal.userID, limit: page.limit, before: page.cursor)) { session in
            var object = session.json
            object["current"] = .bool(principal.credential == .session(session.id))
            return .object(object)
        }
    }

    private func endCurrent(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountWrite)
        guard case .session(let id) = principal.credential else { throw Problem.notFound("session") }
        try await store.endSession(id, of: principal.userID)
        return Response(status: .noContent)
    }

    private func end(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("session_id")
        try principal.require(.accountWrite)
        try await store.endSession(id, of: principal.userID)
        return Response(status: .noContent)
    }
}
