import Domain
import Synchronization

/// What a reader of events is handed.
enum EventDelivery: Sendable {
    case events(EventBatch)
    /// What the task's engine says; it may be left out.
    case delta(AnswerDelta)
    /// A moment has passed in which nothing was lost: everything up to `position` was delivered.
    case tick(position: Int64)
}

/// Where one reader's events wait for it, up to a limit: one that falls behind loses them, and reads the log again.
final class EventMailbox: Sendable {
    enum Ending: Sendable, Hashable {
        /// More came than it took: what it has not read stands in the log.
        case overrun
        /// Nothing more comes: the gateway stops, or the connection is gone.
        case closed
    }

    private struct State {
        var waiting: [EventDelivery] = []
        var bytes = 0
        var reader: CheckedContinuation<Void, Never>?
        var ending: Ending?
    }

    /// Bytes that may wait, beyond one batch.
    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// Hands it over, or ends the mailbox as overrun.
    func offer(_ delivery: EventDelivery) {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.ending == nil else { return nil }
            var size = 0
            switch delivery {
            case .events(let batch): size = batch.size
            case .delta(let delta):
                size = delta.text.utf8.count
                if state.bytes + size > limit { return nil }
            case .tick:
                // One says as much as several.
                if case .tick = state.waiting.last { state.waiting.removeLast() }
            }
            if size > 0, state.bytes > 0, state.bytes + size > limit {
                state.ending = .overrun
                state.waiting = []
            } else {
                state.bytes += size
                state.waiting.append(delivery)
            }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    func end(_ ending: Ending) {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.ending == nil || ending == .closed { state.ending = ending }
            state.waiting = []
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// What has come, waiting for it where that is nothing; why there is no more. One reader at a time.
    func next() async -> Result<[EventDelivery], Ended> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if !state.waiting.isEmpty || state.ending != nil { return true }
                    state.reader = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            end(.closed)
        }
        return state.withLock { state in
            if let ending = state.ending { return .failure(Ended(ending: ending)) }
            state.bytes = 0
            defer { state.waiting = [] }
            return .success(state.waiting)
        }
    }

    struct Ended: Error {
        var ending: Ending
    }
}
