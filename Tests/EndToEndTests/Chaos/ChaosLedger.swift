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
        var answer: Answer
    }

    /// A person's action on a task.
    struct Move: Sendable {
        var action: TaskAction
        /// Whether it is known to have happened; it may have where no answer came.
        var isDone: Bool
    }

    private(set) var requests: [String: Request] = [:]
    private(set) var moves: [UUID: [Move]] = [:]
    private(set) var accepted: [UUID] = []
    /// Answers that nobody should get.
    private(set) var complaints: [String] = []

    mutating func note(_ draft: ChaosDraft, _ answer: Answer) {
        requests[draft.name] = Request(project: draft.project, taskCount: draft.tasks.count, answer: answer)
        if case .accepted(let ids) = answer { accepted += ids }
    }

    mutating func note(_ action: TaskAction, of task: UUID, isDone: Bool) {
        moves[task, default: []].append(Move(action: action, isDone: isDone))
    }

    mutating func complain(_ words: String) { complaints.append(words) }

    /// Whether a person cancelled the task and nobody may have retried it since.
    func isCancelled(_ task: UUID) -> Bool {
        let moves = moves[task, default: []]
        guard let last = moves.lastIndex(where: { $0.action == .cancel && $0.isDone }) else { return false }
        return moves[last...].allSatisfy { $0.action != .retry }
    }
}
