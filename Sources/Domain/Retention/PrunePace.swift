/// How long whoever removes old rows rests between two batches, so that the live system keeps most of the database's time. Where that is
/// busy, batches take longer, and the rests with them.
public struct PrunePace: Sendable, Hashable {
    /// The part of the time that batches may take, above 0 and up to 1.
    public var share: Double
    /// Tasks a second at the most; nil without a bound.
    public var rate: Double?

    /// - Parameters:
    ///   - share: held between 0.01 and 1.
    ///   - rate: above 0.
    public init(share: Double = 0.2, rate: Double? = nil) {
        self.share = min(max(share, 0.01), 1)
        self.rate = rate.flatMap { $0 > 0 ? $0 : nil }
    }

    /// The rest after a batch of so many tasks that took so long.
    public func rest(after tasks: Int, took time: Duration) -> Duration {
        let byShare = time * (1 / share - 1)
        let byRate = rate.map { .seconds(Double(tasks) / $0) - time } ?? Duration.zero
        return max(byShare, byRate, .zero)
    }
}
