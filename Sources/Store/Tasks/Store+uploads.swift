public import Domain
public import FoundationEssentials
import Postgres

/// More tasks than one statement should carry, which one request hands in for one project.
public struct Upload: Sendable {
    public var projectID: UUID
    public var userID: UUID
    /// The tasks that exist already and are to get children.
    public var parentIDs: [UUID]

    public init(projectID: UUID, userID: UUID, parentIDs: [UUID]) {
        self.projectID = projectID
        self.userID = userID
        self.parentIDs = parentIDs
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
    /// it throws; a problem that names the fields where tasks cannot become children, and a 409 where the project takes none. An error
    /// of the database leaves the outcome open only where it went away in the commit. Index: `tasks_pkey`.
    public func accept(
        _ upload: Upload, forEachBatch: @Sendable (_ take: ([NewTask]) throws -> Void) throws -> Void
    ) async throws -> UploadAcceptance {
        try await retryingDeadlocks {
            try await database.transaction { connection in
                do {
                    return try Self.acceptBatches(of: upload, connection, forEachBatch)
                } catch let error as PostgresError where error.leavesOutcomeOpen {
                    throw PostgresError(.connectionFailed, "the database went away before the commit: \(error)")
                }
            }
        }
    }

    private static func acceptBatches(
        of upload: Upload, _ connection: isolated PostgresConnection, _ forEachBatch: (_ take: ([NewTask]) throws -> Void) throws -> Void
    ) throws -> UploadAcceptance {
        var rules = try lockParents(upload.parentIDs, connection)
        var acceptance = UploadAcceptance()
        try forEachBatch { tasks in
            let batch = Submission(projectID: upload.projectID, userID: upload.userID, tasks: tasks)
            try rules.admit(tasks, projectID: upload.projectID)
            for outcome in try accept([batch], rules, connection) { _ = try outcome.get() }
            acceptance.taskIDs += tasks.map(\.id)
            acceptance.taskCount += batch.size
        }
        return acceptance
    }
}
