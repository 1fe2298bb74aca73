import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Postgres
import Store

/// `POST /v1/projects/{id}/tasks`: the hot path. Its one statement is shared with the requests of the same moment; lines go their own way.
struct TaskSubmissionRoutes: Sendable {
    let store: Store
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
        let project = try await access.requireProject(projectID, of: principal)
        let key = try IdempotencyKey(request, of: principal)
        if TaskUploads.isUpload(request) {
            let project = try await access.requireProject(projectID, of: principal, noOlderThan: EngineDirectory.refusalAge)
            return try await uploads.accept(request, context, projectID: projectID, project, under: key)
        }
        let (body, repeatable) = try await bodies.json(request, under: key)
        let isSingle = body.arrayValue == nil
        // Before anything is checked: the answer is the first one again, whatever has changed since.
        if let repeatable, let first = try await store.repetition(of: repeatable) {
            return Response(repeating: isSingle ? try first.dated() : first)
        }
        let tasks = try await tasks(in: body, project) {
            try await access.requireProject(projectID, of: principal, noOlderThan: EngineDirectory.refusalAge)
        }
        let answer = SubmissionAnswer(projectID: projectID, tasks: tasks, isSingle: isSingle)
        let submission = Submission(
            projectID: projectID, userID: principal.userID, tasks: tasks,
            idempotency: repeatable.map { Submission.Idempotency(request: $0, answer: answer.first) })
        let acceptance = try await accept(submission)
        if let first = acceptance.repeated { return Response(repeating: isSingle ? try first.dated() : first) }
        return Response(answer.json(acceptedAt: acceptance.acceptedAt), status: .created, location: answer.location)
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
}
