import Domain
import Hummingbird
import HummingbirdCore
import Logging
import Store

/// What people do to projects: `POST /v1/projects/{id}/pause`, `/resume`, `/cancel`, `/archive`, and `PATCH /v1/projects/{id}`.
struct ProjectMoveRoutes: Sendable {
    let store: Store
    let access: Access
    let engines: EngineDirectory
    let webhooks: Webhooks
    let bodies: BodyReader
    /// Tasks may run again.
    let onWaiting: @Sendable () -> Void

    func add(to routes: inout RouteTable) {
        for action in ProjectAction.allCases {
            routes.on(.post, "/v1/projects/:project_id/\(action.rawValue)") { request, context in
                try await self.move(action, request, context)
            }
        }
        routes.on(.patch, "/v1/projects/:project_id") { request, context in try await self.change(request, context) }
    }

    private func move(_ action: ProjectAction, _ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        try await access.requireProject(id, of: principal, to: .moveProject)
        let reason = try await bodies.reason(request)
        let project = try await store.move(project: id, action, by: principal.userID, reason: reason)
        do {
            if action == .pause || action == .cancel { _ = try await store.settle(projectID: id) }
        } catch {
            // The project has moved, and that is the answer; a dispatcher brings its tasks after it.
            context.logger.warning(
                "tasks have yet to follow their project", metadata: [LogKey.projectID: "\(id.text)", LogKey.error: "\(error)"])
        }
        if action == .resume { onWaiting() }
        return Response(project.json)
    }

    private func change(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        try await access.requireProject(id, of: principal, to: .changeProject)
        let body = try await bodies.json(request)
        let change = try await engines.reading { names throws(Problem) in try ProjectChange(reading: body, knownEngines: names) }
        try webhooks.check(change.settings?.object)
        let project = try await store.change(project: id, change, by: principal.userID)
        onWaiting()
        return Response(project.json)
    }
}
