import Domain
import Foundation

/// What must hold at the end beside the laws of `chorus verify`, from all three sides: what callers know, what the database has, what the
/// engine did. Pure.
struct ChaosAudit: Sendable {
    struct Finding: Sendable, Equatable, CustomStringConvertible {
        var rule: String
        /// Ids of tasks, keys of calls, names of requests.
        var subjects: [String]

        var description: String {
            "\(rule) (\(subjects.count)): \(subjects.prefix(20).joined(separator: ", "))"
        }
    }

    let ledger: ChaosLedger
    let tasks: [ChaosTaskRow]
    let calls: [ChaosCallRow]
    let engine: ChaosEngineRecord
    let byID: [UUID: ChaosTaskRow]
    /// By the task without a parent: all below it, and itself.
    let related: [UUID: Set<UUID>]
    /// What an engine would not do.
    private let refused: Set<UUID>

    init(ledger: ChaosLedger, tasks: [ChaosTaskRow], calls: [ChaosCallRow], engine: ChaosEngineRecord) {
        (self.ledger, self.tasks, self.calls, self.engine) = (ledger, tasks, calls, engine)
        let byID = Dictionary(tasks.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.byID = byID
        refused = Set(calls.filter { $0.kind == "permanent" }.map(\.taskID))
        related = Dictionary(grouping: tasks) { Self.root(of: $0, in: byID) }.mapValues { Set($0.map(\.id)) }
    }

    var findings: [Finding] {
        rules.compactMap { $0.1.isEmpty ? nil : Finding(rule: $0.0, subjects: $0.1) }
    }

    /// Each rule with what breaks it.
    var rules: [(String, [String])] { taskRules + familyRules + callRules }

    var summary: String {
        let answers = ledger.requests.values.map { request in
            switch request.answer {
            case .accepted: "accepted"
            case .refused: "refused"
            case .unknown: "unknown"
            }
        }
        return "requests: \(Self.counts(answers)); tasks: \(Self.counts(tasks.map(\.status))); "
            + "parents: \(Self.counts(tasks.filter(\.isParent).map(\.status))); calls: \(Self.counts(calls.map(\.status))); "
            + "the engine was asked \(engine.calls.count) times and answered \(engine.paid)"
    }

    private static func counts(_ words: [String]) -> String {
        Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            .joined(separator: ", ")
    }

    private var taskRules: [(String, [String])] {
        let stored = Dictionary(grouping: tasks, by: \.request)
        var lost: [String] = []
        var refused: [String] = []
        var torn: [String] = []
        for (name, request) in ledger.requests {
            let rows = stored[name, default: []].sorted { $0.place < $1.place }
            switch request.answer {
            case .accepted(let ids): if rows.count != request.taskCount || request.ids(in: rows) != ids { lost.append(name) }
            case .refused: if !rows.isEmpty { refused.append(name) }
            case .unknown: if !rows.isEmpty && rows.map(\.place) != Array(0..<request.taskCount) { torn.append(name) }
            }
        }
        return [
            ("accepted tasks are stored as they were acknowledged", lost),
            ("a refused request stores nothing", refused),
            ("a request without an answer is stored once and whole, or not at all", torn),
            ("every task belongs to a request", ids { ledger.requests[$0.request] == nil }),
            ("every task ends", ids { TaskStatus(rawValue: $0.status)?.isFinal != true }),
            (
                "an answer is that of its prompt",
                ids { $0.type == "chat" && !$0.isParent && $0.status == "completed" && $0.text != ChaosDraft.answer(to: $0.prompt) }
            ),
            ("what fails has a cause", ids { $0.status == "failed" && !hasCause($0) }),
            (
                "what is cancelled was cancelled by a person, or with its parent",
                ids { $0.status == "cancelled" && !mayBeCancelled($0.id) && !isCancelledWithItsParent($0) }
            ),
            (
                "what a person cancelled stays cancelled",
                ids { $0.status != "cancelled" && ledger.isCancelled($0.id, among: relatives(of: $0)) }
            ),
        ]
    }

    private var callRules: [(String, [String])] {
        let rows = Dictionary(grouping: calls, by: \.key)
        let byTask = Dictionary(grouping: calls, by: \.taskID)
        return [
            ("an attempt has one call", rows.filter { $0.value.count > 1 }.map(\.key)),
            ("the engine is asked once for an attempt", engine.calls.filter { $0.value.began != 1 }.map(\.key)),
            ("what the engine was asked stands in the ledger", engine.calls.keys.filter { rows[$0] == nil }),
            ("what is completed was answered", keys { $0.status == "completed" && !engine.isPaid($0.key) }),
            (
                "what was answered is not a failure",
                keys { engine.isPaid($0.key) && !["completed", "unknown", "cancelled"].contains($0.status) }
            ),
            ("what was not sent did not arrive", keys { $0.kind == "not_sent" && engine.calls[$0.key] != nil }),
            ("no call stays open", keys { $0.status == "pending" }),
            // An answer came too late for its attempt: its worker was lost meanwhile, or a person cancelled.
            (
                "an answer is paid for twice only where the first came too late",
                ids { task in
                    let early = byTask[task.id, default: []].count { $0.status == "completed" && $0.attempt < task.attempt }
                    return early > task.losses + task.cancellations
                }
            ),
        ]
    }

    /// What a failure may come from: a child, an engine that refuses, no retries left, a policy, a worker's death again and again.
    private func hasCause(_ task: ChaosTaskRow) -> Bool {
        guard let error = task.error else { return false }
        if let child = task.failedChildID { return error.hasPrefix("The child \(child.text) ") }
        if task.prompt.hasSuffix(ChaosFamily.refusal) && refused.contains(task.id) { return true }
        if error.hasPrefix("The worker that ran it was lost") {
            return task.onUnknown == "fail" || task.workerLosses > task.maxRetries + 3
        }
        return task.retryCount >= task.maxRetries
    }

    private func mayBeCancelled(_ id: UUID) -> Bool { ledger.moves[id]?.contains { $0.action == .cancel } ?? false }

    func root(of task: ChaosTaskRow) -> UUID { Self.root(of: task, in: byID) }

    private static func root(of task: ChaosTaskRow, in byID: [UUID: ChaosTaskRow]) -> UUID {
        var root = task
        // Bounded, whatever the rows say.
        for _ in 0..<FamilyLimits.depth {
            guard let parent = root.parentID.flatMap({ byID[$0] }) else { break }
            root = parent
        }
        return root.id
    }

    private func ids(_ isBroken: (ChaosTaskRow) -> Bool) -> [String] { tasks.filter(isBroken).map(\.id.text) }

    private func keys(_ isBroken: (ChaosCallRow) -> Bool) -> [String] { calls.filter(isBroken).map(\.key) }
}
