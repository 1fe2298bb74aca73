/// What a cache remembers, and until when. Bounded: when it is full, what has expired goes; where that leaves it more than half full, all.
struct CacheTable<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        var loadedAt: ContinuousClock.Instant
        var expiresAt: ContinuousClock.Instant
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { entries.count }

    /// The value, where it has not expired and is not older than `limit`.
    func value(for key: Key, noOlderThan limit: Duration?, at now: ContinuousClock.Instant) -> Value? {
        guard let entry = entries[key], now < entry.expiresAt else { return nil }
        if let limit, now - entry.loadedAt > limit { return nil }
        return entry.value
    }

    mutating func remember(_ value: Value, for key: Key, lifetime: Duration, at now: ContinuousClock.Instant) {
        guard lifetime > .zero else {
            entries[key] = nil
            return
        }
        if entries.count >= capacity, entries[key] == nil { makeRoom(at: now) }
        entries[key] = Entry(value: value, loadedAt: now, expiresAt: now + lifetime)
    }

    /// Leaves at most half, so that its cost is spread over as many insertions.
    private mutating func makeRoom(at now: ContinuousClock.Instant) {
        entries = entries.filter { now < $0.value.expiresAt }
        if entries.count > capacity / 2 { entries.removeAll(keepingCapacity: true) }
    }
}
