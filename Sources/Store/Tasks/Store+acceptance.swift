public import Domain
public import FoundationEssentials
import Postgres

/// Tasks that one request hands in for one project: all of them are accepted, or none.
public struct Submission: Sendable {
    public var projectID: UUID
    public var userID: UUID
    public var tasks: [NewTask]

    public init(projectID: UUID, userID: UUID, tasks: [NewTask]) {
        self.projectID = projectID
        self.userID = userID
        self.tasks = tasks
    }
}

/// What the gateway answers with: the tasks are stored and survive any crash.
public struct Acceptance: Sendable {
    public var acceptedAt: Date
}

extension Store {
    /// Accepts many submissions in one transaction; its commit is the promise that 201 makes.
    ///
    /// A submission whose project takes no tasks any more gets its own failure. An error of the database fails the batch, and each
    /// submission is then tried alone, so that one of them cannot take the others down.
    public func accept(_ submissions: [Submission]) async -> [Result<Acceptance, any Error>] {
        do {
            return try await acceptTogether(submissions)
        } catch let error as PostgresError where submissions.count > 1 && !error.isRetryable {
            var outcomes: [Result<Acceptance, any Error>] = []
            for submission in submissions { outcomes += await accept([submission]) }
            return outcomes
        } catch {
            return submissions.map { _ in .failure(error) }
        }
    }

    private func acceptTogether(_ submissions: [Submission]) async throws -> [Result<Acceptance, any Error>] {
        let rows = AcceptedRows(submissions)
        // The join drops the tasks of projects that take none any more.
        let accepted = try await database.query(
            """
            WITH input AS (
                SELECT * FROM unnest(\(rows.taskIDs), \(rows.projectIDs), \(rows.userIDs), \(rows.types), \(rows.priorities), \(rows.inputs),
                    \(rows.maxRetries), \(rows.deadlines), \(rows.availableAts), \(rows.metadata), \(rows.estimatedTokens))
                    AS i (task_id, project_id, user_id, task_type, priority, input_data, max_retries, deadline, available_at, metadata,
                        estimated_tokens)
            ), inserted AS (
                INSERT INTO tasks (task_id, project_id, user_id, task_type, priority, status, input_data, max_retries, deadline, available_at, metadata,
                    estimated_tokens)
                SELECT i.task_id, i.project_id, i.user_id, i.task_type, i.priority, 'pending', i.input_data, i.max_retries, i.deadline,
                    coalesce(i.available_at, now()), i.metadata, i.estimated_tokens
                FROM input i JOIN projects p ON p.project_id = i.project_id AND p.status IN ('active', 'paused')
                RETURNING project_id, created_at
            )
            SELECT project_id, min(created_at) FROM inserted GROUP BY project_id
            """
        ) { try $0.decode(UUID.self, Date.self) }
        let times = Dictionary(accepted, uniquingKeysWith: { first, _ in first })
        return submissions.map { submission in
            guard let acceptedAt = times[submission.projectID] else {
                return .failure(Problem.conflict("The project takes no tasks: it is cancelled or archived."))
            }
            return .success(Acceptance(acceptedAt: acceptedAt))
        }
    }
}

/// Submissions turned into the columns that one statement takes.
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

    init(_ submissions: [Submission]) {
        for submission in submissions {
            for task in submission.tasks {
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
            }
        }
    }
}
