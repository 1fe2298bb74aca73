import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/results/{id}/feedback`: what people think of what engines answered.
struct FeedbackRoutes: Sendable {
    let store: Store
    let access: Access
    let bodies: BodyReader

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/results/:result_id/feedback") { request, context in try await self.give(request, context) }
        routes.on(.get, "/v1/results/:result_id/feedback") { request, context in try await self.list(request, context) }
    }

    private func give(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try await result(context, of: principal, to: .giveFeedback)
        let key = try IdempotencyKey(request, of: principal)
        let (body, repeatable) = try await bodies.json(request, under: key)
        if let repeatable, let first = try await store.repetition(of: repeatable) { return Response(repeating: first) }
        let feedback = try NewFeedback(reading: body)
        switch try await store.addFeedback(feedback, on: id, by: principal.userID, under: repeatable) {
        case .made(let record): return Response(record.json, status: .created)
        case .repeated(let first): return Response(repeating: first)
        }
    }

    private func list(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let page = try PageRequest(request)
        let id = try await result(context, of: principal, to: .readTasks)
        return Response(try await store.feedback(on: id, limit: page.limit, after: page.cursor), \.json)
    }

    /// The result in the path, where the principal may do this in its project.
    private func result(_ context: GatewayContext, of principal: Principal, to permission: ProjectPermission) async throws -> UUID {
        let id = try context.id("result_id")
        guard let projectID = try await store.projectID(ofResult: id) else { throw Problem.notFound("result") }
        try await access.requireProject(projectID, of: principal, to: permission, for: "result")
        return id
    }
}
