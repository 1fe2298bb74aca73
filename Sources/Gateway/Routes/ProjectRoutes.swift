import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/projects`.
struct ProjectRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader
    let creations: ProjectCreations

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/projects") { request, _ in try await self.create(request) }
        routes.on(.get, "/v1/projects") { request, _ in try await self.list(request) }
        routes.on(.get, "/v1/projects/:project_id") { request, context in try await self.get(request, context) }
        routes.on(.get, "/v1/projects/:project_id/stats") { request, context in try await self.stats(request, context) }
    }

    private func create(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.projectsWrite)
        try principal.requireAllProjects()
        let key = try IdempotencyKey(request, of: principal)
        let (body, repeatable) = try await bodies.json(request, under: key)
        switch try await creations.create(body, by: principal, under: repeatable) {
        case .made(let record): return Response(record.json, status: .created, location: "/v1/projects/\(record.id.text)")
        case .repeated(let first): return Response(repeating: first)
        }
    }

    private func list(_ request: Request) async throws -> Response {
        let principal = try await access.principal(request)
        try principal.require(.projectsRead)
        let page = try PageRequest(request)
        return Response(try await store.projects(of: principal, limit: page.limit, before: page.cursor), \.json)
    }

    private func get(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        try await access.requireProject(id, of: principal, to: .read)
        guard let project = try await store.project(id) else { throw Problem.notFound("project") }
        return Response(project.json)
    }

    private func stats(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        try await access.requireProject(id, of: principal, to: .read)
        var object = try await store.stats(of: id).json
        object["project_id"] = .string(id.text)
        object["budget"] = .array(try await store.budget(of: id).map(\.json))
        return Response(.object(object))
    }
}
