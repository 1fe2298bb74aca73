/// How long a task waits before its next try: exponential, with full jitter.
///
/// Full jitter spreads the tasks of one outage over the whole interval instead of sending them back in waves (AWS Architecture Blog,
/// "Exponential Backoff And Jitter", 2015).
public struct RetryBackoff: Sendable, Hashable {
    public static let standard = RetryBackoff(base: .seconds(1), cap: .seconds(300))

    /// The longest wait before the first retry.
    public var base: Duration
    /// The longest wait at all.
    public var cap: Duration

    public init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The upper bound of the wait before retry number `retry`, counted from 1.
    public func bound(retry: Int) -> Duration {
        min(cap, base * (1 << min(max(retry - 1, 0), 30)))
    }

    /// A wait between nothing and the bound.
    public func delay(retry: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        bound(retry: retry) * Double.random(in: 0...1, using: &generator)
    }

    public func delay(retry: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(retry: retry, using: &generator)
    }
}
