import Domain
import Hummingbird
import HummingbirdCore
import Store

/// What people do to tasks: `POST /v1/tasks/{id}/cancel`, `/pause`, `/resume`, `/retry`, and `PATCH /v1/tasks/{id}`.
struct TaskMoveRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader
    /// Tasks may run again.
    let onWaiting: @Sendable () -> Void

    func add(to routes: inout RouteTable) {
        for action in TaskAction.allCases {
            routes.on(.post, "/v1/tasks/:task_id/\(action.rawValue)") { request, context in try await self.move(action, request, context) }
        }
        routes.on(.patch, "/v1/tasks/:task_id") { request, context in try await self.change(request, context) }
    }

    private func move(_ action: TaskAction, _ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("task_id")
        try await access.requireTask(id, of: principal, to: .moveTasks)
        let reason = try await bodies.reason(request)
        let task = try await store.move(id, action, by: principal.userID, reason: reason)
        if action.target == .pending { onWaiting() }
        return Response(task.json)
    }

    private func change(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("task_id")
        try await access.requireTask(id, of: principal, to: .moveTasks)
        let change = try TaskChange(reading: try await bodies.json(request))
        let task = try await store.change(id, change, by: principal.userID)
        onWaiting()
        return Response(task.json)
    }
}

extension BodyReader {
    /// The reason that a person gives for an action; the body may be missing.
    func reason(_ request: Request) async throws -> String? {
        let hasBody = request.headers[.transferEncoding] != nil || (request.headers[.contentLength] ?? "0") != "0"
        guard hasBody else { return nil }
        return try ActionReason.read(try await json(request))
    }
}
