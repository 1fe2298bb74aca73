/// How often something may be read that costs what it costs: pure. The costlier a reading was, the longer the next one waits, so that all of
/// them together take no more than a fiftieth of the time.
public struct ReadingPace: Sendable, Hashable {
    /// Between two readings at the least.
    public static let shortest = Duration.seconds(5)
    private static let rest = 50

    private var next: ContinuousClock.Instant?

    public init() {}

    public func isDue(at now: ContinuousClock.Instant) -> Bool { next.map { $0 <= now } ?? true }

    /// A reading has ended that took so long.
    public mutating func ended(at now: ContinuousClock.Instant, cost: Duration) {
        next = now + max(Self.shortest, cost * Self.rest)
    }
}
