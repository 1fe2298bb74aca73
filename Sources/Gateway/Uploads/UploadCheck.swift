import Domain
import FoundationEssentials

/// What is known of an upload while its lines are checked: pure.
struct UploadCheck: Sendable {
    /// More faults than that help nobody: the rest is not read.
    static let errorLimit = 100

    /// Tasks of an upload, those inside others included.
    let taskLimit: Int
    private(set) var taskCount = 0
    /// The tasks that exist already and are to get children.
    private(set) var parentIDs: Set<UUID> = []
    private(set) var errors: [FieldError] = []

    init(taskLimit: Int) { self.taskLimit = taskLimit }

    /// - Throws: a 413 where there are more tasks than may be.
    mutating func add(_ task: NewTask) throws(Problem) {
        taskCount += task.familySize
        if let parentID = task.parentID { parentIDs.insert(parentID) }
        guard taskCount <= taskLimit else {
            throw Problem(status: 413, title: "Content too large", detail: "An upload may hold \(taskLimit) tasks.")
        }
    }

    /// Notes what is wrong with a line, to go on with the next one.
    /// - Throws: everything that is wrong so far, where that is enough.
    mutating func add(_ problem: Problem) throws(Problem) {
        errors += problem.errors
        guard errors.count < Self.errorLimit else { throw verdict }
    }

    /// Passes where every line is right, and there is one.
    func finish() throws(Problem) {
        guard errors.isEmpty else { throw verdict }
        guard taskCount > 0 else { throw .invalid([FieldError(pointer: "", detail: "must hold a task in a line")]) }
    }

    private var verdict: Problem { .invalid(Array(errors.prefix(Self.errorLimit))).namingLines }
}
