import Domain
import Engines
import FoundationEssentials
import Logging
import Store
import Synchronization

/// Passes on what running calls say to those gateways where somebody reads it, and costs next to nothing where nobody does.
///
/// A gateway asks with a notification on the worker's channel, again every few seconds for as long as somebody reads; the pieces go back as
/// notifications on the gateway's. Both may be lost: the task's output comes by another way.
final class ReadingAlong: Sendable {
    private struct Call {
        var progress: AnswerProgress
        var attempt: Int
        var engine: String
    }

    private struct State {
        /// Until when each channel wants to hear of a task.
        var readers: [UUID: [String: ContinuousClock.Instant]] = [:]
        /// By task, then by call.
        var calls: [UUID: [UUID: Call]] = [:]
        /// What calls said last before they ended.
        var lastWords: [AnswerDelta] = []
    }

    /// How long a request holds: three of a gateway's rounds.
    private static let term = Duration.seconds(30)
    /// Tasks that are read along at once; others are not.
    private static let most = 1_000
    private static let pace = Duration.milliseconds(60)
    /// Notifications of one round, each of which PostgreSQL limits to 8000 bytes.
    private static let notificationsAtOnce = 128
    private static let pieceLength = 1_200

    private let store: Store
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeUp: AsyncStream<Void>.Continuation
    private let wakeUps: AsyncStream<Void>

    init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A gateway's request.
    func read(_ request: ReadingRequest) {
        let isTaken = state.withLock { state in
            guard state.readers[request.taskID] != nil || state.readers.count < Self.most else {
                return false
            }
            let isNew =
                state.readers[request.taskID, default: [:]].updateValue(
                    .now + Self.term, forKey: request.channel) == nil
            if isNew || request.isFirst {
                for call in (state.calls[request.taskID] ?? [:]).values { call.progress.want() }
            }
            return true
        }
        if isTaken { wakeUp.yield() }
    }

    func began(_ call: OpenCall, of task: ClaimedTask) -> AnswerProgress {
        let progress = AnswerProgress()
        state.withLock { state in
            state.calls[task.id, default: [:]][call.resultID] = Call(
                progress: progress, attempt: task.attempt, engine: call.engine)
            if state.readers[task.id] != nil { progress.want() }
        }
        return progress
    }

    func ended(_ call: OpenCall, of task: ClaimedTask) {
        state.withLock { state in
            guard let ended = state.calls[task.id]?.removeValue(forKey: call.resultID) else { return }
            if state.calls[task.id]?.isEmpty ?? false { state.calls[task.id] = nil }
            if let piece = ended.progress.take(), state.lastWords.count < Self.most {
                state.lastWords.append(AnswerDelta(task.id, ended.attempt, ended.engine, piece))
            }
        }
    }

    /// Passes on until the task is cancelled.
    func run() async {
        for await _ in wakeUps {
            while let notifications = round() {
                do {
                    if !notifications.isEmpty { try await store.notify(notifications) }
                } catch {
                    logger.debug("pieces of answers were not passed on", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.pace)
                if Task.isCancelled { return }
            }
        }
    }

    /// What is to be told now; nil where nobody reads any more.
    private func round() -> [(channel: String, payload: String)]? {
        state.withLock { state in
            let now = ContinuousClock.now
            for (taskID, channels) in state.readers {
                let left = channels.filter { $0.value > now }
                guard left.count < channels.count else { continue }
                state.readers[taskID] = left.isEmpty ? nil : left
                if left.isEmpty {
                    for call in (state.calls[taskID] ?? [:]).values { call.progress.leave() }
                }
            }
            guard !state.readers.isEmpty else {
                state.lastWords = []
                return nil
            }
            var deltas = state.lastWords
            state.lastWords = []
            for taskID in state.readers.keys {
                for call in (state.calls[taskID] ?? [:]).values {
                    if let piece = call.progress.take() {
                        deltas.append(AnswerDelta(taskID, call.attempt, call.engine, piece))
                    }
                }
            }
            let notifications = deltas.flatMap { delta in
                let payloads = delta.pieces(of: Self.pieceLength).map(\.json.text)
                return (state.readers[delta.taskID] ?? [:]).keys.flatMap { channel in
                    payloads.map { (channel: channel, payload: $0) }
                }
            }
            return Array(notifications.prefix(Self.notificationsAtOnce))
        }
    }
}

extension AnswerDelta {
    fileprivate init(_ taskID: UUID, _ attempt: Int, _ engine: String, _ piece: AnswerProgress.Piece) {
        self.init(
            taskID: taskID, attempt: attempt, engine: engine, offset: piece.offset, text: piece.text)
    }
}
