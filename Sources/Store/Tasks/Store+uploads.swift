public import Domain
public import FoundationEssentials
import Postgres

/// More tasks than one statement should carry, which one request hands in for one project.
public struct Upload: Sendable {
    public var projectID: UUID
    public var userID: UUID
    /// The tasks that exist already and are to get children.
    public var parentIDs: [UUID]
    /// Where the caller may send it again: taken once.
    public var idempotency: IdempotentRequest?

    public init(projectID: UUID, userID: UUID, parentIDs: [UUID], idempotency: IdempotentRequest? = nil) {
        self.projectID = projectID
        self.userID = userID
        self.parentIDs = parentIDs
        self.idempotency = idempotency
    }
}

/// The tasks of an upload are stored and survive any crash.
public struct UploadAcceptance: Sendable {
    /// In the order in which they came, without those inside others.
    public var taskIDs: [UUID] = []
    /// All of them.
    public var taskCount = 0
}

extension Store {
    /// Accepts the batches that `forEachBatch` hands to its argument, in one transaction: all of them, or none.
    ///
    /// `forEachBatch` runs on the connection's thread, which a disk may block, and should keep no sender waiting: the transaction's locks
    /// hold up whoever wants to change the project or its parents. Where a deadlock ended the transaction it runs once more. Throws what
    /// it throws; a problem that names the fields where tasks cannot become children, a 409 where the project takes none, and a 429 where a
    /// quota does not allow as many. An error of the database leaves the outcome open only where it went away in the commit. Indexes:
    /// `tasks_pkey`, `idempotency_keys_pkey`.
    ///
    /// A key is taken last, so that nobody waits for it longer than for the commit: of two of one key at the same moment one does its work
    /// in vain.
    public func accept(
        _ upload: Upload, answering answer: @Sendable (UploadAcceptance) -> FirstAnswer = { _ in FirstAnswer(body: "{}") },
        forEachBatch: @Sendable (_ take: ([NewTask]) throws -> Void) throws -> Void
    ) async throws -> Creation<UploadAcceptance> {
        do {
            return .made(
                try await retryingDeadlocks {
                    try await withOpenQuotas(of: [upload.projectID]) {
                        try await database.transaction { connection in
                            do {
                                let acceptance = try Self.acceptBatches(of: upload, connection, forEachBatch)
                                if let request = upload.idempotency { try Self.claim(request, answer(acceptance), connection) }
                                return acceptance
                            } catch let error as PostgresError where error.leavesOutcomeOpen {
                                throw PostgresError(.connectionFailed, "the database went away before the commit: \(error)")
                            }
                        }
                    }
                })
        } catch let error where (error as? PostgresError)?.saysKeyIsTaken ?? (error is Problem) {
            // What was refused may have been accepted a moment ago, under the same key.
            guard let request = upload.idempotency, let repetition = try await repetition(of: request) else { throw error }
            return .repeated(repetition)
        }
    }

    private static func acceptBatches(
        of upload: Upload, _ connection: isolated PostgresConnection, _ forEachBatch: (_ take: ([NewTask]) throws -> Void) throws -> Void
    ) throws -> UploadAcceptance {
        var rules = try lockParents(upload.parentIDs, connection)
        var book = try deferCounting(of: upload.projectID, connection)
        var acceptance = UploadAcceptance()
        try forEachBatch { tasks in
            var batch = Submission(projectID: upload.projectID, userID: upload.userID, tasks: tasks)
            batch.uploadKey = upload.idempotency?.key.text
            try rules.admit(tasks, projectID: upload.projectID)
            // The last word is said in the end; what is refused already need not come so far.
            if let problem = refusal(of: batch.size, in: upload.projectID, &book) { throw problem }
            for outcome in try store([batch], .all, rules, connection) { _ = try outcome.get() }
            acceptance.taskIDs += tasks.map(\.id)
            acceptance.taskCount += batch.size
        }
        try countTasks(acceptance.taskCount, of: upload.projectID, connection)
        return acceptance
    }
}
