import Domain
import FoundationEssentials
import Postgres

/// The keys of submissions as columns: one row a key, and one a task, in the order of `AcceptedRows`.
struct AcceptedKeys {
    var userIDs: [UUID] = []
    var sources: [String] = []
    var texts: [String] = []
    var digests: [[UInt8]] = []
    var statuses: [Int32] = []
    var locations: [String?] = []
    var answers: [String] = []
    var projectIDs: [UUID] = []
    /// What each task holds as `idempotency_key`.
    var ofTasks: [String?] = []
    /// Whose key each task depends on, and from where; nil for none.
    var ownersOfTasks: [UUID?] = []
    var sourcesOfTasks: [String?] = []

    var isEmpty: Bool { ofTasks.isEmpty }

    mutating func append(_ submission: Submission) {
        let key = submission.idempotency?.request.key
        if let idempotency = submission.idempotency {
            userIDs.append(idempotency.request.key.userID)
            sources.append(idempotency.request.key.source.rawValue)
            texts.append(idempotency.request.key.text)
            digests.append(idempotency.request.digest)
            statuses.append(Int32(clamping: idempotency.answer.status))
            locations.append(idempotency.answer.location)
            answers.append(idempotency.answer.body)
            projectIDs.append(submission.projectID)
        }
        let size = submission.size
        ofTasks += Array(repeating: submission.keyText, count: size)
        ownersOfTasks += Array(repeating: key?.userID, count: size)
        sourcesOfTasks += Array(repeating: key?.source.rawValue, count: size)
    }
}

/// By what the tasks of a statement are told apart when they are there.
struct KeyedProject: Hashable {
    var id: UUID
    var key: String?

    init(id: UUID, key: String?) {
        self.id = id
        self.key = key
    }

    init(_ submission: Submission) { self.init(id: submission.projectID, key: submission.keyText) }
}
