/// How much of a rate each of many callers has used: the generic cell rate algorithm, one time for each. Bounded: when it is full, those that
/// have caught up are forgotten; where that leaves it more than half full, all.
struct RateTable<Key: Hashable> {
    /// Events a second, in the long run.
    let rate: Double
    /// Events at once.
    let burst: Double
    private let capacity: Int
    /// The time up to which what each did is paid for.
    private var paidUntil: [Key: ContinuousClock.Instant] = [:]

    init(rate: Double, burst: Double, capacity: Int = 10_000) {
        self.rate = rate
        self.burst = max(1, burst)
        self.capacity = capacity
    }

    /// Seconds until `key` may do it again; nil where it may now.
    func wait(_ key: Key, at now: ContinuousClock.Instant) -> Double? {
        guard let paid = paidUntil[key] else { return nil }
        let ahead = (paid - now) / .seconds(1) - (burst - 1) / rate
        return ahead > 0 ? ahead : nil
    }

    /// Notes that `key` did it.
    mutating func count(_ key: Key, at now: ContinuousClock.Instant) {
        if paidUntil.count >= capacity, paidUntil[key] == nil { makeRoom(at: now) }
        paidUntil[key] = max(now, paidUntil[key] ?? now) + .seconds(1 / rate)
    }

    private mutating func makeRoom(at now: ContinuousClock.Instant) {
        paidUntil = paidUntil.filter { $0.value > now }
        if paidUntil.count > capacity / 2 { paidUntil.removeAll(keepingCapacity: true) }
    }
}
