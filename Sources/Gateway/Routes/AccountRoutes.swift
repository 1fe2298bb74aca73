import Domain
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/accounts` and `/v1/account`: registering, and the caller's own account.
struct AccountRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader
    let registrations: Registrations
    let logins: Logins

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/accounts") { request, context in try await self.register(request, context) }
        routes.on(.get, "/v1/account") { request, _ in try await self.get(request) }
        routes.on(.patch, "/v1/account") { request, context in try await self.change(request, context) }
    }

    private func register(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let key = try IdempotencyKey.text(request)
        let body = try await bodies.json(request)
        let name = key.map { (key: $0, digest: [UInt8](digestOf: request, withoutPasswordIn: body)) }
        switch try await registrations.register(body, from: context.clientAddress, under: name) {
        case .made(let account): return Response(.object(account.json), status: .created, location: "/v1/account")
        case .repeated(let first): return Response(repeating: first)
        }
    }

    private func get(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountRead)
        guard let account = try await store.account(principal.userID) else { throw Problem.unauthorized }
        return Self.response(account, principal)
    }

    private func change(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.accountWrite)
        let change = try AccountChange(reading: try await bodies.json(request))
        if let password = change.password { try await logins.change(password, of: principal, from: context.clientAddress) }
        let account =
            if case .set(let name) = change.fullName {
                try await store.rename(account: principal.userID, to: name)
            } else {
                try await store.account(principal.userID)
            }
        guard let account else { throw Problem.unauthorized }
        return Self.response(account, principal)
    }

    /// With what it was asked by: what a key may is good to know for whoever holds it.
    private static func response(_ account: AccountRecord, _ principal: Principal) -> Response {
        var object = account.json
        object["credential"] =
            switch principal.credential {
            case .key(let id, let permissions):
                ["kind": "api_key", "id": .string(id.text), "permissions": permissions.json ?? .null]
            case .session(let id): ["kind": "session", "id": .string(id.text), "permissions": .null]
            }
        return Response(.object(object))
    }
}
