import Domain
import Engines

/// Why a call may not pass, and for how long: it was not made.
struct GateHold: Sendable, Hashable {
    enum Cause: Sendable, Hashable {
        case closed(GateReason, String)
        case usedUp
        case gone
        /// The task is not wanted any more.
        case stopped
    }

    var engine: String
    var cause: Cause
    /// How long until it may be worth another try.
    var after: Duration

    init(engine: String, _ cause: Cause, after: Duration) {
        self.engine = engine
        self.cause = cause
        self.after = after
    }

    var error: EngineError {
        let words: String =
            switch cause {
            case .closed(let reason, let message):
                "The engine '\(engine)' is closed: it \(reason.words)\(message.isEmpty ? "." : " (\(message)).")"
            case .usedUp: "The limits of the engine '\(engine)' are used up."
            case .gone: "The engine '\(engine)' was removed."
            case .stopped: "The call was stopped while it waited for its turn."
            }
        return EngineError(cause == .stopped ? .cancelled : .held, words, retryAfter: after, wasSent: false)
    }
}
