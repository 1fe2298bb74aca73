import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Postgres
import Store

/// `POST /v1/projects/{id}/tasks`: the hot path. Its one statement is shared with the requests of the same moment; lines go their own way.
struct TaskSubmissionRoutes: Sendable {
    let access: Access
    let engines: EngineDirectory
    let bodies: BodyReader
    let arrayLimit: Int
    let acceptances: GroupCommit<Submission, Acceptance>
    let uploads: TaskUploads

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v1/projects/:project_id/tasks") { request, context in try await self.submit(request, context) }
    }

    private func submit(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let projectID = try context.id("project_id")
        let project = try await access.requireProject(projectID, of: principal, to: .submitTasks)
        try BodyReader.refuseIdempotencyKey(request)
        if TaskUploads.isUpload(request.headers) {
            let project = try await access.requireProject(
                projectID, of: principal, to: .submitTasks, noOlderThan: EngineDirectory.refusalAge)
            return try await uploads.accept(request, context, projectID: projectID, userID: principal.userID, project)
        }
        let body = try await bodies.json(request)
        let tasks = try await tasks(in: body, project) {
            try await access.requireProject(projectID, of: principal, to: .submitTasks, noOlderThan: EngineDirectory.refusalAge)
        }
        let submission = Submission(projectID: projectID, userID: principal.userID, tasks: tasks)
        let acceptance = try await accept(submission)
        if body.arrayValue == nil, let task = tasks.first {
            return Response(
                Self.json(task, projectID: projectID, acceptance), status: .created, location: "/v1/tasks/\(task.id.text)")
        }
        return Response(
            ["accepted": .number(JSONNumber(submission.size)), "task_ids": .array(tasks.map { .string($0.id.text) })], status: .created)
    }

    /// Before tasks are refused, their project is looked at anew: its engines may just have been changed.
    private func tasks(in body: JSONValue, _ project: ProjectView, anew: () async throws -> ProjectView) async throws -> [NewTask] {
        func read(_ project: ProjectView) async throws -> [NewTask] {
            try await engines.reading { names throws(Problem) in
                try Self.tasks(in: body, limit: arrayLimit, knownEngines: names.preferring(project.engines))
            }
        }
        do {
            return try await read(project)
        } catch let problem as Problem where !problem.errors.isEmpty {
            let fresh = try await anew()
            guard fresh != project else { throw problem }
            return try await read(fresh)
        }
    }

    /// Any error but doubt means that nothing was stored.
    private func accept(_ submission: Submission) async throws -> Acceptance {
        do {
            return try await acceptances.submit(submission, weight: submission.size)
        } catch let error as PostgresError where error.leavesOutcomeOpen {
            throw AcceptanceInDoubt(cause: error)
        }
    }

    /// The tasks of a body: one object, or an array of them. The limit counts those inside others as well.
    static func tasks(in body: JSONValue, limit: Int, knownEngines: EngineNames) throws(Problem) -> [NewTask] {
        let tasks: [NewTask]
        if let bodies = body.arrayValue {
            guard (1...limit).contains(bodies.count) else {
                throw .invalid([FieldError(pointer: "", detail: "must have 1 to \(limit) elements, not \(bodies.count)")])
            }
            tasks = try NewTask.list(reading: bodies, knownEngines: knownEngines)
        } else {
            tasks = [try NewTask(reading: body, knownEngines: knownEngines)]
        }
        let size = tasks.reduce(0) { $0 + $1.familySize }
        guard size <= limit else {
            throw .invalid([FieldError(pointer: "", detail: "holds \(size) tasks with those inside others: at most \(limit) are taken")])
        }
        try tasks.requireEngines(knownEngines)
        return tasks
    }

    private static func json(_ task: NewTask, projectID: UUID, _ acceptance: Acceptance) -> JSONValue {
        var object: JSONObject = [
            "task_id": .string(task.id.text),
            "project_id": .string(projectID.text),
            "task_type": .string(task.type),
            "priority": .number(JSONNumber(task.priority)),
            "status": .string(TaskStatus.pending.rawValue),
            "created_at": JSONValue(acceptance.acceptedAt),
        ]
        if let children = task.children { object["children"] = ids(of: children) }
        return .object(object)
    }

    /// Who is who in a family: nested as it came.
    private static func ids(of children: [NewTask]) -> JSONValue {
        .array(
            children.map { child in
                var object: JSONObject = ["task_id": .string(child.id.text)]
                if let children = child.children { object["children"] = ids(of: children) }
                return .object(object)
            })
    }
}
