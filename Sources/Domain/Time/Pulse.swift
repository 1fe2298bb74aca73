/// What a loop is doing, so that a watchdog can tell one that waits for work from one that is stuck in it.
///
/// The loop says when it begins something that must end within a bounded time, and when it waits for something that may take for ever.
public struct Pulse: Sendable {
    /// Since when the loop has been at one piece of work; nil while it waits.
    private var workingSince: ContinuousClock.Instant?

    public init() {}

    public mutating func works(at now: ContinuousClock.Instant) { workingSince = now }

    public mutating func waits() { workingSince = nil }

    /// Whether one piece of work has taken longer than `limit`.
    public func isStuck(at now: ContinuousClock.Instant, limit: Duration) -> Bool {
        workingSince.map { now - $0 > limit } ?? false
    }
}
