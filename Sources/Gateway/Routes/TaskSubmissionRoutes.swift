import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `POST /v1/projects/{id}/tasks`: the hot path. Lines go their own way.
struct TaskSubmissionRoutes: Sendable {
    let access: Access
    let bodies: BodyReader
    let submissions: TaskSubmissions
    let uploads: TaskUploads

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/projects/:project_id/tasks") { request, context in try await self.submit(request, context) }
    }

    private func submit(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let projectID = try context.id("project_id")
        let project = try await access.requireProject(projectID, of: principal, to: .submitTasks)
        try BodyReader.refuseIdempotencyKey(request)
        if TaskUploads.isUpload(request) {
            let project = try await access.requireProject(
                projectID, of: principal, to: .submitTasks, noOlderThan: EngineDirectory.refusalAge)
            return try await uploads.accept(request, context, projectID: projectID, userID: principal.userID, project)
        }
        let submitted = try await submissions.accept(try await bodies.json(request), projectID: projectID, project, by: principal) {
            try await access.requireProject(projectID, of: principal, to: .submitTasks, noOlderThan: EngineDirectory.refusalAge)
        }
        return Response(submitted.json, status: .created, location: submitted.task.map { "/v1/tasks/\($0.id.text)" })
    }
}
