public import FoundationEssentials

/// A task that is to get children, as it stands under its lock.
public struct ProspectiveParent: Sendable, Hashable {
    public var projectID: UUID
    public var status: TaskStatus
    /// Its level in its family, from 1.
    public var depth: Int
    public var childCount: Int

    public init(projectID: UUID, status: TaskStatus, depth: Int, childCount: Int) {
        self.projectID = projectID
        self.status = status
        self.depth = depth
        self.childCount = childCount
    }
}

/// Which tasks may become children of tasks that exist already: pure. Checks submission after submission, and counts those that passed.
public struct FamilyRules: Sendable {
    private var parents: [UUID: ProspectiveParent]

    public init(parents: [UUID: ProspectiveParent]) { self.parents = parents }

    /// Passes where every task's parent takes it, and counts the tasks in.
    ///
    /// - Throws: a 422 that names the fields where a parent is not in the project (it may be somebody else's: they look the same) or has
    ///   no room; a 409 where a parent does not wait any more.
    public mutating func admit(_ tasks: [NewTask], projectID: UUID) throws(Problem) {
        var grown = parents
        var errors: [FieldError] = []
        var conflict: Problem?
        for task in tasks where errors.count < 100 {
            guard let id = task.parentID else { continue }
            let pointer = task.pointer + "/parent_task_id"
            guard let parent = grown[id], parent.projectID == projectID else {
                errors.append(FieldError(pointer: pointer, detail: "there is no such task in the project"))
                continue
            }
            if !parent.status.isWaiting, conflict == nil {
                conflict = .conflict(
                    "The parent is \(parent.status.rawValue): it takes children only while it waits.",
                    errors: [FieldError(pointer: pointer, detail: "is \(parent.status.rawValue)")])
            }
            if parent.depth + task.height > FamilyLimits.depth {
                let detail = "makes \(parent.depth + task.height) levels: a family has at most \(FamilyLimits.depth)"
                errors.append(FieldError(pointer: pointer, detail: detail))
            }
            if parent.childCount >= FamilyLimits.children {
                errors.append(FieldError(pointer: pointer, detail: "has \(FamilyLimits.children) children already, the most it may have"))
            }
            grown[id]?.childCount += 1
        }
        guard errors.isEmpty else { throw .invalid(errors) }
        if let conflict { throw conflict }
        parents = grown
    }

    /// The level of a task's parent; 0 for a task without one.
    public func depth(above task: NewTask) -> Int { task.parentID.flatMap { parents[$0]?.depth } ?? 0 }
}
