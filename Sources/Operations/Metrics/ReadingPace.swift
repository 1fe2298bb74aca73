/// How often something may be read that costs what it costs: pure. The costlier a reading was, the longer the next one waits, so that all of
/// them together take no more than a fiftieth of the time, as far as that makes no figure older than a minute.
public struct ReadingPace: Sendable, Hashable {
    /// Between two readings at the least.
    public static let shortest = Duration.seconds(5)
    /// And at the most: one that took long may have met an outage that is over.
    public static let longest = Duration.seconds(60)
    private static let rest = 50

    private var next: ContinuousClock.Instant?

    public init() {}

    public func isDue(at now: ContinuousClock.Instant) -> Bool { next.map { $0 <= now } ?? true }

    /// A reading has ended that took so long.
    public mutating func ended(at now: ContinuousClock.Instant, cost: Duration) {
        next = now + min(max(Self.shortest, cost * Self.rest), Self.longest)
    }
}
