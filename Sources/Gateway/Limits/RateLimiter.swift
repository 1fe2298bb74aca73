import Synchronization

/// A rate that many requests count on at once.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    private let table: Mutex<RateTable<Key>>

    /// nil for a rate of 0, which is no limit.
    init?(perSecond rate: Double, burst: Int) {
        guard rate > 0 else { return nil }
        table = Mutex(RateTable(rate: rate, burst: Double(burst)))
    }

    /// Seconds until `key` may do it again; nil where it may now.
    func wait(_ key: Key) -> Double? {
        let now = ContinuousClock.now
        return table.withLock { $0.wait(key, at: now) }
    }

    /// Notes that `key` did it.
    func count(_ key: Key) {
        let now = ContinuousClock.now
        table.withLock { $0.count(key, at: now) }
    }

    /// Notes that `key` does it, where it may; else seconds until then.
    func take(_ key: Key) -> Double? {
        let now = ContinuousClock.now
        return table.withLock { table in
            let wait = table.wait(key, at: now)
            if wait == nil { table.count(key, at: now) }
            return wait
        }
    }
}
