public import Domain
public import FoundationEssentials
import Postgres

/// Tasks that one request hands in for one project: all of them are accepted, or none.
public struct Submission: Sendable {
    public var projectID: UUID
    public var userID: UUID
    /// Each may hold a family.
    public var tasks: [NewTask]

    public init(projectID: UUID, userID: UUID, tasks: [NewTask]) {
        self.projectID = projectID
        self.userID = userID
        self.tasks = tasks
    }

    /// All of its tasks, those inside others included.
    public var size: Int { tasks.reduce(0) { $0 + $1.familySize } }

    /// It hands children to tasks that exist already.
    var hasParents: Bool { tasks.contains { $0.parentID != nil } }
}

/// What the gateway answers with: the tasks are stored and survive any crash.
public struct Acceptance: Sendable {
    public var acceptedAt: Date
}

extension Store {
    /// Accepts many submissions in one transaction; its commit is the promise that 201 makes.
    ///
    /// A submission whose project takes no tasks any more gets its own failure. An error of the database fails the batch, and each
    /// submission is then tried alone, so that one of them cannot take the others down. Those that hand children to tasks that exist
    /// are a transaction of their own, which locks the parents: the others wait for nobody.
    public func accept(_ submissions: [Submission]) async -> [Result<Acceptance, any Error>] {
        guard submissions.contains(where: \.hasParents) else { return await acceptBatch(submissions) }
        let children = await acceptBatch(submissions.filter(\.hasParents))
        let others = submissions.count == children.count ? [] : await acceptBatch(submissions.filter { !$0.hasParents })
        var (nextChild, nextOther) = (children.makeIterator(), others.makeIterator())
        return submissions.compactMap { $0.hasParents ? nextChild.next() : nextOther.next() }
    }

    /// Submissions that all have parents among the tasks, or none of which has.
    private func acceptBatch(_ submissions: [Submission]) async -> [Result<Acceptance, any Error>] {
        do {
            return try await retryingDeadlocks {
                submissions.contains(where: \.hasParents) ? try await acceptChildren(submissions) : try await acceptTogether(submissions)
            }
        } catch let error as PostgresError where submissions.count > 1 && !error.isRetryable {
            var outcomes: [Result<Acceptance, any Error>] = []
            for submission in submissions { outcomes += await acceptBatch([submission]) }
            return outcomes
        } catch {
            return submissions.map { _ in .failure(error) }
        }
    }

    private func acceptTogether(_ submissions: [Submission]) async throws -> [Result<Acceptance, any Error>] {
        let rows = AcceptedRows(submissions, FamilyRules(parents: [:]))
        let accepted = try await database.query(Self.acceptance(rows)) { try $0.decode(UUID.self, Date.self) }
        return Self.outcomes(of: submissions, accepted)
    }

    /// Locks the parents, the deepest first; checks what may become their children; then accepts the rest. Index: `tasks_pkey`.
    private func acceptChildren(_ submissions: [Submission]) async throws -> [Result<Acceptance, any Error>] {
        let parentIDs = Array(Set(submissions.flatMap { $0.tasks.compactMap(\.parentID) }))
        return try await database.transaction { connection in
            let parents = try connection.query(
                """
                SELECT task_id, project_id, status, depth, child_count FROM tasks
                WHERE task_id = ANY (\(parentIDs)) ORDER BY depth DESC, task_id FOR NO KEY UPDATE
                """
            ).map { row in
                var columns = row.columns
                let id = try columns.next(as: UUID.self)
                let parent = ProspectiveParent(
                    projectID: try columns.next(), status: try columns.nextCase(), depth: try columns.next(), childCount: try columns.next()
                )
                return (id, parent)
            }
            var rules = FamilyRules(parents: Dictionary(parents, uniquingKeysWith: { first, _ in first }))
            let problems = submissions.map { submission in
                do throws(Problem) {
                    try rules.admit(submission.tasks, projectID: submission.projectID)
                    return nil as Problem?
                } catch {
                    return error
                }
            }
            let admitted = zip(submissions, problems).compactMap { $1 == nil ? $0 : nil }
            var outcomes: [Result<Acceptance, any Error>] = []
            if !admitted.isEmpty {
                let accepted = try connection.query(Self.acceptance(AcceptedRows(admitted, rules)))
                    .map { try $0.decode(UUID.self, Date.self) }
                outcomes = Self.outcomes(of: admitted, accepted)
            }
            var next = outcomes.makeIterator()
            return problems.compactMap { problem in problem.map { .failure($0) } ?? next.next() }
        }
    }

    /// The join drops the tasks of projects that take none any more. A task that waits for its first child waits for one thing.
    private static func acceptance(_ rows: AcceptedRows) -> PostgresQuery {
        """
        WITH input AS (
            SELECT * FROM unnest(\(rows.taskIDs), \(rows.projectIDs), \(rows.userIDs), \(rows.types), \(rows.priorities), \(rows.inputs),
                \(rows.maxRetries), \(rows.deadlines), \(rows.availableAts), \(rows.metadata), \(rows.estimatedTokens), \(rows.parentIDs),
                \(rows.executionOrders), \(rows.depths), \(rows.childFailurePolicies), \(rows.waitsForChild))
                AS i (task_id, project_id, user_id, task_type, priority, input_data, max_retries, deadline, available_at, metadata,
                    estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child)
        ), inserted AS (
            INSERT INTO tasks (task_id, project_id, user_id, task_type, priority, status, input_data, max_retries, deadline, available_at, metadata,
                estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child, waiting_on)
            SELECT i.task_id, i.project_id, i.user_id, i.task_type, i.priority, 'pending', i.input_data, i.max_retries, i.deadline,
                coalesce(i.available_at, now()), i.metadata, i.estimated_tokens, i.parent_task_id, i.execution_order, i.depth,
                i.on_child_failure, i.waits_for_child, CASE WHEN i.waits_for_child THEN 1 ELSE 0 END
            FROM input i JOIN projects p ON p.project_id = i.project_id AND p.status IN ('active', 'paused')
            RETURNING project_id, created_at
        )
        SELECT project_id, min(created_at) FROM inserted GROUP BY project_id
        """
    }

    private static func outcomes(of submissions: [Submission], _ accepted: [(UUID, Date)]) -> [Result<Acceptance, any Error>] {
        let times = Dictionary(accepted, uniquingKeysWith: { first, _ in first })
        return submissions.map { submission in
            guard let acceptedAt = times[submission.projectID] else {
                return .failure(Problem.conflict("The project takes no tasks: it is cancelled or archived."))
            }
            return .success(Acceptance(acceptedAt: acceptedAt))
        }
    }
}

/// Submissions turned into the columns that one statement takes: families become rows, each parent before its children.
private struct AcceptedRows {
    var taskIDs: [UUID] = []
    var projectIDs: [UUID] = []
    var userIDs: [UUID] = []
    var types: [String] = []
    var priorities: [Int32] = []
    var inputs: [JSONB] = []
    var maxRetries: [Int32] = []
    var deadlines: [Date?] = []
    var availableAts: [Date?] = []
    var metadata: [JSONB?] = []
    var estimatedTokens: [Int32] = []
    var parentIDs: [UUID?] = []
    var executionOrders: [Int32?] = []
    var depths: [Int32] = []
    var childFailurePolicies: [String] = []
    var waitsForChild: [Bool] = []

    init(_ submissions: [Submission], _ rules: FamilyRules) {
        for submission in submissions {
            for task in submission.tasks { append(task, of: submission, parentID: task.parentID, depth: rules.depth(above: task) + 1) }
        }
    }

    private mutating func append(_ task: NewTask, of submission: Submission, parentID: UUID?, depth: Int) {
        taskIDs.append(task.id)
        projectIDs.append(submission.projectID)
        userIDs.append(submission.userID)
        types.append(task.type)
        priorities.append(Int32(clamping: task.priority))
        inputs.append(task.input.column)
        maxRetries.append(Int32(clamping: task.maxRetries))
        deadlines.append(task.deadline)
        availableAts.append(task.availableAt)
        metadata.append(task.metadata?.column)
        estimatedTokens.append(Int32(clamping: task.estimatedTokens))
        parentIDs.append(parentID)
        executionOrders.append((task.executionOrder ?? (parentID == nil ? nil : 0)).map { Int32(clamping: $0) })
        depths.append(Int32(clamping: depth))
        childFailurePolicies.append(task.onChildFailure.rawValue)
        waitsForChild.append(task.waitsForChild)
        for child in task.children ?? [] { append(child, of: submission, parentID: task.id, depth: depth + 1) }
    }
}
