import Domain
import Engines

/// What a call that has ended says of its engine.
enum CallVerdict: Sendable, Hashable {
    /// It works: it answered, or refused the task for the task's own fault.
    case works
    /// It answered, slower than it should.
    case slow
    /// It is busy and did nothing. `pause` is how long it asks to be left alone.
    case refused(GateReason, pause: Duration?, message: String)
    /// It failed at it, or could not be reached.
    case failed(message: String)
    /// The call was stopped: that tells nothing.
    case stopped

    /// - Parameter slowness: a longer answer is slow.
    init(_ result: Result<EngineAnswer, EngineError>, slowness: Duration) {
        switch result {
        case .success(let answer): self = answer.processingTime > slowness ? .slow : .works
        case .failure(let error):
            switch error.kind {
            case .permanent: self = .works
            case .cancelled, .held: self = .stopped
            case .refused:
                self = .refused(error.statusCode == 429 ? .rateLimited : .overloaded, pause: error.retryAfter, message: error.message)
            case .passing, .notSent, .unknown: self = .failed(message: error.message)
            }
        }
    }
}

extension Result<EngineAnswer, EngineError> {
    /// What the call used of the engine's tokens; nil where nobody knows.
    var tokensUsed: Int? {
        switch self {
        case .success(let answer): answer.usage.totalTokens > 0 ? answer.usage.totalTokens : nil
        case .failure(let error):
            switch error.kind {
            case .refused, .notSent, .held: 0
            case .permanent, .passing, .unknown, .cancelled: error.partial?.usage?.totalTokens ?? (error.wasSent ? nil : 0)
            }
        }
    }
}
