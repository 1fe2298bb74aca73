/// How much of a rate each of many callers has used: the generic cell rate algorithm, one time for each. Bounded: see ``CacheTable``.
struct RateTable<Key: Hashable> {
    /// Events a second, in the long run.
    let rate: Double
    /// Events at once.
    let burst: Double
    /// The time up to which what each did is paid for; who has caught up is forgotten.
    private var paidUntil: CacheTable<Key, ContinuousClock.Instant>

    init(rate: Double, burst: Double, capacity: Int = 10_000) {
        self.rate = rate
        self.burst = max(1, burst)
        paidUntil = CacheTable(capacity: capacity)
    }

    /// Seconds until `key` may do it again; nil where it may now.
    func wait(_ key: Key, at now: ContinuousClock.Instant) -> Double? {
        guard let paid = paidUntil.value(for: key, noOlderThan: nil, at: now) else { return nil }
        let ahead = (paid - now) / .seconds(1) - (burst - 1) / rate
        return ahead > 0 ? ahead : nil
    }

    /// Notes that `key` did it.
    mutating func count(_ key: Key, at now: ContinuousClock.Instant) {
        let paid = (paidUntil.value(for: key, noOlderThan: nil, at: now) ?? now) + .seconds(1 / rate)
        paidUntil.remember(paid, for: key, lifetime: paid - now, at: now)
    }
}
