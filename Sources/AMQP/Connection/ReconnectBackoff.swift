/// How long to wait before the next attempt to connect: exponential with full jitter, so that a fleet does not return in step.
///
/// Source: "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
public struct ReconnectBackoff: Sendable, Hashable {
    /// The ceiling before the second attempt; it doubles with each failure.
    public var base: Duration
    /// What the ceiling never exceeds.
    public var limit: Duration
    /// Failures in a row so far.
    public private(set) var failures = 0

    public init(base: Duration = .milliseconds(100), limit: Duration = .seconds(10)) {
        self.base = base
        self.limit = limit
    }

    /// Counts a failure; returns a random wait between zero and the ceiling.
    public mutating func failed(using random: inout some RandomNumberGenerator) -> Duration {
        failures += 1
        let ceiling = min(limit, base * (1 << min(failures - 1, 20)))
        return ceiling * Double.random(in: 0...1, using: &random)
    }

    public mutating func succeeded() {
        failures = 0
    }
}
