public import Domain
public import FoundationEssentials
import Postgres

/// Tasks that one request hands in for one project: all of them are accepted, or none.
public struct Submission: Sendable {
    public var projectID: UUID
    public var userID: UUID
    /// Each may hold a family.
    public var tasks: [NewTask]
    /// Where the caller may send it again: taken once.
    public var idempotency: Idempotency?
    /// The caller's key, where its taking is somebody else's affair: see `Upload`.
    var uploadKey: String?

    /// A caller's key, and what whoever comes with it again is answered; `created_at` is null where it tells of one task: see
    /// `RememberedAnswer.dated`.
    public struct Idempotency: Sendable, Hashable {
        public var request: IdempotentRequest
        public var answer: FirstAnswer

        public init(request: IdempotentRequest, answer: FirstAnswer) {
            self.request = request
            self.answer = answer
        }
    }

    public init(projectID: UUID, userID: UUID, tasks: [NewTask], idempotency: Idempotency? = nil) {
        self.projectID = projectID
        self.userID = userID
        self.tasks = tasks
        self.idempotency = idempotency
    }

    /// All of its tasks, those inside others included.
    public var size: Int { tasks.reduce(0) { $0 + $1.familySize } }

    /// It hands children to tasks that exist already.
    var hasParents: Bool { tasks.contains { $0.parentID != nil } }

    /// What its tasks hold as `idempotency_key`.
    var keyText: String? { idempotency?.request.key.text ?? uploadKey }
}

/// What the gateway answers with: the tasks are stored and survive any crash.
public struct Acceptance: Sendable {
    public var acceptedAt: Date
    /// Those of its tasks that went to `in_queue` at once: the caller's to publish, or to take back.
    public var admitted: [AdmittedTask] = []
    /// An earlier submission under the same key was accepted, and this one was not: what to answer.
    public var repeated: RememberedAnswer?
}

/// The engines whose tasks are not admitted on the way in: they have limits or are closed, and only the dispatcher knows their room.
public struct HeldEngines: Sendable, Hashable {
    public var names: [String]
    /// The engine of tasks for which nobody names one.
    public var fleetDefault: String?

    public init(names: [String] = [], fleetDefault: String? = nil) {
        self.names = names
        self.fleetDefault = fleetDefault
    }
}

extension Store {
    /// Accepts many submissions in one transaction; its commit is the promise that 201 makes.
    ///
    /// A submission whose project takes no tasks any more gets its own failure. An error of the database fails the batch, and each
    /// submission is then tried alone, so that one of them cannot take the others down. Those that hand children to tasks that exist
    /// are a transaction of their own, which locks the parents: the others wait for nobody.
    ///
    /// - Parameter room: how many tasks may be admitted by the same statement, because nothing waits before them. Tasks of families,
    ///   tasks whose time has not come, those of projects that are paused or have a cap, and those of the engines in `held` take the ordinary
    ///   way.
    public func accept(
        _ submissions: [Submission], admitting room: Int = 0, held: HeldEngines = HeldEngines()
    ) async -> [Result<Acceptance, any Error>] {
        guard submissions.contains(where: { $0.idempotency != nil }) else {
            return await acceptDistinct(submissions, admitting: room, held)
        }
        // One statement takes a key once: who comes with it again gets what came of it.
        let order = KeyedOrder(submissions)
        let outcomes = await acceptDistinct(order.first.map { submissions[$0] }, admitting: room, held)
        return await repeating(submissions, order.spread(outcomes))
    }

    /// Accepts nothing, on a connection that stays: the statement is planned there, and all that its triggers do, so that the first caller
    /// need not wait for it.
    public func rehearseAcceptance() async throws {
        _ = try await database.query(
            Self.acceptance(AcceptedRows([], FamilyRules(parents: [:])), .whereQuotasHaveRoom), AcceptedProject.init)
    }

    /// Submissions of which no two of one project have the same key.
    private func acceptDistinct(
        _ submissions: [Submission], admitting room: Int, _ held: HeldEngines
    ) async -> [Result<Acceptance, any Error>] {
        guard submissions.contains(where: \.hasParents) else { return await acceptBatch(submissions, admitting: room, held) }
        let children = await acceptBatch(submissions.filter(\.hasParents), admitting: 0, held)
        let others =
            submissions.count == children.count ? [] : await acceptBatch(submissions.filter { !$0.hasParents }, admitting: room, held)
        var (nextChild, nextOther) = (children.makeIterator(), others.makeIterator())
        return submissions.compactMap { $0.hasParents ? nextChild.next() : nextOther.next() }
    }

    /// Submissions that all have parents among the tasks, or none of which has.
    private func acceptBatch(
        _ submissions: [Submission], admitting room: Int, _ held: HeldEngines
    ) async -> [Result<Acceptance, any Error>] {
        do {
            return try await retryingDeadlocks {
                try await withOpenQuotas(of: submissions.map(\.projectID)) {
                    submissions.contains(where: \.hasParents)
                        ? try await acceptChildren(submissions) : try await acceptTogether(submissions, admitting: room, held)
                }
            }
        } catch let error as PostgresError where submissions.count > 1 && !error.isRetryable {
            var outcomes: [Result<Acceptance, any Error>] = []
            for submission in submissions { outcomes += await acceptBatch([submission], admitting: 0, held) }
            return outcomes
        } catch {
            return submissions.map { _ in .failure(error) }
        }
    }

    private func acceptTogether(
        _ submissions: [Submission], admitting room: Int, _ held: HeldEngines
    ) async throws -> [Result<Acceptance, any Error>] {
        let rows = AcceptedRows(submissions, FamilyRules(parents: [:]), admitting: room, held)
        let accepted: [AcceptedProject]
        do {
            accepted = try await database.query(Self.acceptance(rows, .whereQuotasHaveRoom, held), AcceptedProject.init)
        } catch let error as PostgresError where error.constraint == Self.quotaConstraint {
            // All together they are more than a quota allows: its share of them is looked at one by one.
            accepted = try await database.query(Self.acceptance(rows, .none, held), AcceptedProject.init)
        }
        return await acceptingMetered(submissions, Self.outcomes(of: submissions, accepted, rows))
    }

    /// Locks the parents; checks what may become their children; then accepts the rest.
    private func acceptChildren(_ submissions: [Submission]) async throws -> [Result<Acceptance, any Error>] {
        let parentIDs = Array(Set(submissions.flatMap { $0.tasks.compactMap(\.parentID) }))
        return try await database.transaction { connection in
            var rules = try Self.lockParents(parentIDs, connection)
            let problems = submissions.map { submission in
                do throws(Problem) {
                    try rules.admit(submission.tasks, projectID: submission.projectID)
                    return nil as Problem?
                } catch {
                    return error
                }
            }
            let admitted = zip(submissions, problems).compactMap { $1 == nil ? $0 : nil }
            let outcomes = admitted.isEmpty ? [] : try Self.accept(admitted, rules, connection)
            var next = outcomes.makeIterator()
            return problems.compactMap { problem in problem.map { .failure($0) } ?? next.next() }
        }
    }

    /// Accepts what may become children of the locked parents; none of it is admitted.
    private static func accept(
        _ submissions: [Submission], _ rules: FamilyRules, _ connection: isolated PostgresConnection
    ) throws -> [Result<Acceptance, any Error>] {
        try acceptingMetered(submissions, store(submissions, .none, rules, connection), rules, connection)
    }

    /// Stores submissions within the caller's transaction; none of their tasks is admitted.
    static func store(
        _ submissions: [Submission], _ metered: MeteredAcceptance, _ rules: FamilyRules, _ connection: isolated PostgresConnection
    ) throws -> [Result<Acceptance, any Error>] {
        let rows = AcceptedRows(submissions, rules)
        return outcomes(of: submissions, try connection.query(acceptance(rows, metered)).map(AcceptedProject.init), rows)
    }

    /// Locks tasks that are to get children, the deepest first, and gives the rules for who may become one. Index: `tasks_pkey`.
    static func lockParents(_ ids: [UUID], _ connection: isolated PostgresConnection) throws -> FamilyRules {
        guard !ids.isEmpty else { return FamilyRules(parents: [:]) }
        let parents = try connection.query(
            """
            SELECT task_id, project_id, status, depth, child_count FROM tasks
            WHERE task_id = ANY (\(ids)) ORDER BY depth DESC, task_id FOR NO KEY UPDATE
            """
        ).map { row in
            var columns = row.columns
            let id = try columns.next(as: UUID.self)
            let parent = ProspectiveParent(
                projectID: try columns.next(), status: try columns.nextCase(), depth: try columns.next(), childCount: try columns.next())
            return (id, parent)
        }
        return FamilyRules(parents: Dictionary(parents, uniquingKeysWith: { first, _ in first }))
    }

    static func outcomes(
        of submissions: [Submission], _ accepted: [AcceptedProject], _ rows: AcceptedRows
    ) -> [Result<Acceptance, any Error>] {
        let projects = Dictionary(accepted.map { (KeyedProject(id: $0.id, key: $0.key), $0) }, uniquingKeysWith: { first, _ in first })
        return submissions.map { submission in
            guard let project = projects[KeyedProject(submission)] else {
                return .failure(Problem.conflict("The project takes no tasks: it is cancelled or archived."))
            }
            var acceptance = Acceptance(acceptedAt: project.acceptedAt)
            if project.admitsNamed || project.admitsUnnamed {
                acceptance.admitted = submission.tasks.lazy.filter { rows.admitted.contains($0.id) }.compactMap { task in
                    let engine = task.engine
                    guard engine == TaskEngine.unnamed ? project.admitsUnnamed : project.admitsNamed else { return nil }
                    return AdmittedTask(
                        id: task.id, projectID: submission.projectID, priority: task.priority, engine: engine, attempt: 0,
                        estimatedTokens: task.estimatedTokens)
                }
            }
            return .success(acceptance)
        }
    }
}
