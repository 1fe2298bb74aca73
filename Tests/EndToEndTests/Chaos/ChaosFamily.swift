import Domain
import Foundation

/// A parent with its children as the database has them at the end, and what each must have made of the other. Pure.
struct ChaosFamily {
    /// What a parent's prompt says of its children; ``prompt`` renders it by other means than Chorus does.
    static let section =
        "{{completed_count}} of:{{#children}} <{{number}} {{metadata.place}} {{status}} {{output.text}}>{{/children}}"
    /// In a child's prompt: its engine refuses it for good.
    static let refusal = "[simulate: status=400]"

    let parent: ChaosTaskRow
    /// In their order: stage by stage, then by age.
    let children: [ChaosTaskRow]

    init(parent: ChaosTaskRow, children: [ChaosTaskRow]) {
        self.parent = parent
        self.children = children.sorted { ($0.stage, $0.id.text) < ($1.stage, $1.id.text) }
    }

    /// The parents among `tasks`, with their children.
    static func all(_ tasks: [ChaosTaskRow]) -> [ChaosFamily] {
        let children = Dictionary(grouping: tasks.filter { $0.parentID != nil }, by: \.parentID)
        return tasks.compactMap { task in children[task.id].map { ChaosFamily(parent: task, children: $0) } }
    }

    /// What the engine was asked for a parent that completed.
    var prompt: String {
        let texts = children.enumerated().map { index, child in
            " <\(index + 1) \(child.place) \(child.status) \(child.text ?? "")>"
        }
        return parent.prompt.replacingOccurrences(
            of: Self.section, with: "\(children.count { $0.status == "completed" }) of:\(texts.joined())")
    }

    /// What a group that completed counts.
    var counts: String {
        ["completed", "failed", "cancelled"].map { status in "\(children.count { $0.status == status })" }.joined(separator: "/")
    }

    /// Each child had ended once before its parent was first claimed, and before those of later stages were.
    var childrenThatRanTooLate: [ChaosTaskRow] {
        children.filter { child in
            let later = children.filter { $0.stage > child.stage } + [parent]
            return later.compactMap(\.firstClaim).contains { claim in child.firstEnd.map { $0 > claim } ?? true }
        }
    }

    /// Completed only over what its policy lets pass; failed over a child only where that one did not complete and the policy says so.
    var followsPolicy: Bool {
        if parent.status == "completed" { return parent.goesOn || children.allSatisfy { $0.status == "completed" } }
        guard parent.status == "failed", let culprit = parent.failedChildID else { return true }
        return !parent.goesOn && children.contains { $0.id == culprit && ["failed", "cancelled"].contains($0.status) }
    }
}
