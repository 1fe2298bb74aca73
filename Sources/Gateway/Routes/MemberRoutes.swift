import Domain
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/projects/{id}/members` and `/v1/projects/{id}/activity`: who is in a project, and what they did.
struct MemberRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/projects/:project_id/members") { request, context in try await self.list(request, context) }
        routes.on(.put, "/v1/projects/:project_id/members") { request, context in try await self.put(request, context, namesAccount: true) }
        routes.on(.get, "/v1/projects/:project_id/members/:user_id") { request, context in try await self.get(request, context) }
        routes.on(.put, "/v1/projects/:project_id/members/:user_id") { request, context in
            try await self.put(request, context, namesAccount: false)
        }
        routes.on(.delete, "/v1/projects/:project_id/members/:user_id") { request, context in try await self.remove(request, context) }
        routes.on(.get, "/v1/projects/:project_id/activity") { request, context in try await self.activity(request, context) }
    }

    private func list(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let page = try PageRequest(request)
        try await access.requireProject(id, of: principal, to: .read)
        return Response(try await store.members(of: id, limit: page.limit, after: page.cursor), \.json)
    }

    private func get(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let userID = try context.id("user_id")
        try await access.requireProject(id, of: principal, to: .read)
        guard let member = try await store.member(userID, of: id) else { throw Problem.notFound("member") }
        return Response(member.json)
    }

    /// Makes a member, by the id in the path or the address in the body, or gives one another role.
    private func put(_ request: Request, _ context: GatewayContext, namesAccount: Bool) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let userID = namesAccount ? nil : try context.id("user_id")
        let role = try await access.requireProject(id, of: principal, to: .manageMembers).role
        let change = try MemberChange(reading: try await bodies.json(request), namesAccount: namesAccount)
        let name = userID.map(MemberName.id) ?? change.email.map(MemberName.email)
        guard let role, let name else { throw Problem.notFound("project") }
        let set = try await store.setMember(name, of: id, to: change.role, by: principal.userID, as: role)
        let location = "/v1/projects/\(id.text)/members/\(set.record.userID.text)"
        return Response(set.record.json, status: set.isNew ? .created : .ok, location: set.isNew ? location : nil)
    }

    /// Members may leave by themselves; to take out others needs the permission.
    private func remove(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let userID = try context.id("user_id")
        let leaves = userID == principal.userID
        let role = try await access.requireProject(id, of: principal, to: leaves ? .read : .manageMembers).role
        guard let role else { throw Problem.notFound("project") }
        if leaves { try principal.require(.membersWrite) }
        try await store.removeMember(userID, of: id, by: principal.userID, as: role)
        return Response(status: .noContent)
    }

    private func activity(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let page = try PageRequest(request)
        try await access.requireProject(id, of: principal, to: .readActivity)
        return Response(try await store.activity(of: id, limit: page.limit, before: page.cursor), \.json)
    }
}
