import Domain
import Engines
import Store

/// Where a task goes after a call that failed: pure.
struct OutcomePolicy: Sendable {
    var backoff: RetryBackoff

    /// - A call that was refused before any work costs no retry, nor does one that was not made.
    /// - A failure that may pass spends one; without any left, the task fails.
    /// - An answer that will never change fails the task at once, with the engine's own words.
    /// - A call that the worker itself stopped is handed back, for free.
    /// - A deadline that has passed, or that would pass before the next try, fails the task: nobody waits for it any more.
    ///
    /// Free tries have no number, but a pace: their backoff grows with `attempt`. `timeLeft` is the time until the task's deadline.
    func outcome(
        of error: EngineError, retryCount: Int, maxRetries: Int, attempt: Int, timeLeft: Duration? = nil
    ) -> TaskOutcome {
        let outcome = outcome(of: error, retryCount: retryCount, maxRetries: maxRetries, attempt: attempt)
        guard let timeLeft, case .retrying(let message, let delay, _) = outcome, error.kind != .cancelled else { return outcome }
        if timeLeft <= Self.deadlineTolerance { return .failed(message: "The deadline passed while it ran: \(message)") }
        if delay >= timeLeft { return .failed(message: "\(message) (the deadline leaves no time for another try)") }
        return outcome
    }

    private func outcome(of error: EngineError, retryCount: Int, maxRetries: Int, attempt: Int) -> TaskOutcome {
        switch error.kind {
        case .permanent: .failed(message: error.message)
        case .cancelled: .retrying(message: error.message, delay: .zero, spendsRetry: false)
        case .notSent, .refused, .held: .retrying(message: error.message, delay: delay(error, retry: attempt), spendsRetry: false)
        case .passing, .unknown:
            if retryCount < maxRetries {
                .retrying(message: error.message, delay: delay(error, retry: retryCount + 1), spendsRetry: true)
            } else {
                .failed(message: retryCount == 0 ? error.message : "\(error.message) (after \(retryCount) retries)")
            }
        }
    }

    /// Whether the next engine of the chain may be asked within the same attempt.
    func mayFallBack(after error: EngineError, timeLeft: Duration? = nil) -> Bool {
        error.kind != .cancelled && hasTime(timeLeft)
    }

    /// Whether one more call makes sense before the deadline.
    func hasTime(_ timeLeft: Duration?) -> Bool { timeLeft ?? .seconds(1) > Self.deadlineTolerance }

    /// A call that is cut off by its deadline may end a moment before the wall clock reaches it.
    private static let deadlineTolerance = Duration.milliseconds(50)

    private func delay(_ error: EngineError, retry: Int) -> Duration {
        let jittered = backoff.delay(retry: retry)
        guard let retryAfter = error.retryAfter else { return jittered }
        // Later than asked, never earlier, and not all at the same moment.
        return min(retryAfter, .seconds(3_600)) + min(jittered, .seconds(1))
    }
}
