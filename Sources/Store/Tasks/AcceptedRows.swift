import Domain
import FoundationEssentials
import Postgres

/// A project that took tasks of a batch.
struct AcceptedProject {
    var id: UUID
    var acceptedAt: Date
    /// Its tasks that could be admitted at once, were: those that name an engine, and those that name none.
    var admitsNamed: Bool
    var admitsUnnamed: Bool
    /// Of the submission that brought the tasks, where it has one.
    var key: String?

    init(_ row: PostgresRow) throws {
        (id, acceptedAt, admitsNamed, admitsUnnamed, key) = try row.decode(UUID.self, Date.self, Bool.self, Bool.self, String?.self)
    }
}

/// Submissions turned into the columns that one statement takes: families become rows, each parent before its children.
struct AcceptedRows {
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
    var mayBeAdmitted: [Bool] = []
    var engines: [String] = []
    /// The tasks that are admitted at once, where their project allows it.
    private(set) var admitted: Set<UUID> = []
    /// Each once.
    private(set) var distinctProjectIDs: [UUID] = []
    /// Filled where a submission has a key.
    private(set) var keys = AcceptedKeys()
    private var room: Int
    private let held: Set<String>

    init(_ submissions: [Submission], _ rules: FamilyRules, admitting room: Int = 0, _ held: HeldEngines = HeldEngines()) {
        self.room = room
        self.held = Set(held.names)
        distinctProjectIDs = Array(Set(submissions.lazy.map(\.projectID)))
        let isKeyed = submissions.contains { $0.keyText != nil }
        for submission in submissions {
            if isKeyed { keys.append(submission) }
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
        let waits = task.waitsForChild
        waitsForChild.append(waits)
        let engine = task.engine
        engines.append(engine)
        let isAdmitted =
            room > 0 && parentID == nil && task.children == nil && !waits && task.availableAt == nil
            && !held.contains(engine)
        mayBeAdmitted.append(isAdmitted)
        if isAdmitted {
            room -= 1
            admitted.insert(task.id)
        }
        for child in task.children ?? [] { append(child, of: submission, parentID: task.id, depth: depth + 1) }
    }
}
