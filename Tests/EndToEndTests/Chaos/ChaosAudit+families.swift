import Domain
import Foundation

/// What must hold of parents and children.
extension ChaosAudit {
    var familyRules: [(String, [String])] {
        let families = ChaosFamily.all(tasks)
        func parents(_ isBroken: (ChaosFamily) -> Bool) -> [String] { families.filter(isBroken).map(\.parent.id.text) }
        return [
            (
                "a parent's answer holds those of its children",
                parents { $0.parent.isCompleted("chat") && $0.parent.text != ChaosDraft.answer(to: $0.prompt) }
            ),
            ("a group counts its children", parents { $0.parent.isCompleted("group") && $0.parent.counts != $0.counts }),
            ("a parent does what its policy says", parents { !$0.followsPolicy }),
            ("children run before their parent, stage by stage", families.flatMap(\.childrenThatRanTooLate).map(\.id.text)),
        ]
    }

    /// What ended a task that no person cancelled: its parent, which did not complete.
    func isCancelledWithItsParent(_ task: ChaosTaskRow) -> Bool {
        guard let parent = task.parentID.flatMap({ byID[$0] }) else { return false }
        return ["failed", "cancelled"].contains(parent.status)
    }

    /// The task and all that are related to it: a retry of one may retry others.
    func relatives(of task: ChaosTaskRow) -> Set<UUID> { related[root(of: task), default: []] }
}

extension ChaosTaskRow {
    fileprivate func isCompleted(_ type: String) -> Bool { self.type == type && status == "completed" }
}
