import Domain
import Foundation

/// What those outside know: how each request was answered, and what was done to which task.
struct ChaosLedger: Sendable {
    enum Answer: Sendable, Equatable {
        /// 201: these tasks must end.
        case accepted([UUID])
        /// Nothing was stored.
        case refused
        /// No answer came: all of its tasks were stored, or none.
        case unknown
    }

    struct Request: Sendable {
        var project: ChaosProject
        var taskCount: Int
        /// The places of the tasks whose ids the answer gives.
        var namedPlaces: [Int]
        var answer: Answer

        /// What the answer should have been, going by the tasks that are stored, in the order of their places.
        func ids(in rows: [ChaosTaskRow]) -> [UUID] { namedPlaces.filter(rows.indices.contains).map { rows[$0].id } }
    }

    /// A person's action on a task.
    struct Move: Sendable {
        var action: TaskAction
        /// Whether it is known to have happened; it may have where no answer came.
        var isDone: Bool
        /// Its place among all moves.
        var number: Int
    }

    private(set) var requests: [String: Request] = [:]
    private(set) var moves: [UUID: [Move]] = [:]
    private var moveCount = 0
    private(set) var accepted: [UUID] = []
    /// Answers that nobody should get.
    private(set) var complaints: [String] = []

    mutating func note(_ draft: ChaosDraft, _ answer: Answer) {
        requests[draft.name] = Request(
            project: draft.project, taskCount: draft.taskCount, namedPlaces: draft.namedPlaces, answer: answer)
        if case .accepted(let ids) = answer { accepted += ids }
    }

    mutating func note(_ action: TaskAction, of task: UUID, isDone: Bool) {
        moveCount += 1
        moves[task, default: []].append(Move(action: action, isDone: isDone, number: moveCount))
    }

    mutating func complain(_ words: String) { complaints.append(words) }

    /// Whether a person cancelled the task, and nobody may have retried it since, nor one of its relatives, with which it would be. A retry
    /// without an answer may come late.
    func isCancelled(_ task: UUID, among relatives: Set<UUID>) -> Bool {
        guard let cancel = moves[task, default: []].last(where: { $0.action == .cancel && $0.isDone }) else { return false }
        return relatives.allSatisfy { relative in
            moves[relative, default: []].allSatisfy { $0.action != .retry || $0.isDone && $0.number < cancel.number }
        }
    }
}
