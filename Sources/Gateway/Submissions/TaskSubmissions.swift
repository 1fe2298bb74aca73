import Domain
import FoundationEssentials
import Postgres
import Store

/// Checks the tasks that a body holds and stores them, whichever way the body came. Their one statement is shared with the submissions of
/// the same moment.
struct TaskSubmissions: Sendable {
    let store: Store
    let engines: EngineDirectory
    /// Tasks in one body, those inside others included.
    let arrayLimit: Int
    let acceptances: GroupCommit<Submission, Acceptance>

    /// Stores the tasks of a body: one object, or an array of them; all, or none.
    ///
    /// - Parameters:
    ///   - project: what is known of the project, in which the principal may do this.
    ///   - request: the key that the body came under: what was accepted under it before is not accepted again.
    ///   - anew: looks at the project again.
    /// - Throws: `Problem` for what is wrong with the tasks; any error but `AcceptanceInDoubt` means that nothing was stored.
    func accept(
        _ body: JSONValue, projectID: UUID, _ project: ProjectView, by principal: Principal, under request: IdempotentRequest? = nil,
        anew: () async throws -> ProjectView
    ) async throws -> Creation<SubmittedTasks> {
        // Before anything is checked: the answer is the first one again, whatever has changed since.
        if let request, let first = try await store.repetition(of: request) { return try Self.repeated(first, body) }
        return try await acceptNew(body, projectID: projectID, project, by: principal, under: request, anew: anew)
    }

    /// What is answered to a body that comes again.
    static func repeated(_ first: RememberedAnswer, _ body: JSONValue) throws -> Creation<SubmittedTasks> {
        .repeated(body.arrayValue != nil ? first : try first.dated())
    }

    /// The same for who has looked for an earlier answer already: one that comes at this moment is found all the same.
    func acceptNew(
        _ body: JSONValue, projectID: UUID, _ project: ProjectView, by principal: Principal, under request: IdempotentRequest?,
        anew: () async throws -> ProjectView
    ) async throws -> Creation<SubmittedTasks> {
        let isList = body.arrayValue != nil
        let tasks = try await tasks(in: body, project, anew: anew).within(RequestTrace.current)
        var submission = Submission(projectID: projectID, userID: principal.userID, tasks: tasks)
        if let request {
            let kept = SubmittedTasks(submission: submission, isList: isList, acceptedAt: nil)
            submission.idempotency = Submission.Idempotency(
                request: request, answer: FirstAnswer(location: kept.location, body: kept.json.text))
        }
        let acceptance = try await accept(submission)
        if let first = acceptance.repeated { return try Self.repeated(first, body) }
        return .made(SubmittedTasks(submission: submission, isList: isList, acceptedAt: acceptance.acceptedAt))
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
