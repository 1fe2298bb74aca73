import FoundationEssentials

/// Which keys were used, and which of that the database has yet to hear: of each key once a minute at most.
struct KeyUses {
    /// The most keys that are remembered; of others the next use counts.
    static let capacity = 10_000
    static let interval: TimeInterval = 60

    /// When each key that was used lately was written last.
    private var written: [UUID: Date] = [:]
    private var pending: [UUID: Date] = [:]

    mutating func used(_ id: UUID, at now: Date) {
        guard pending[id] != nil || pending.count < Self.capacity else { return }
        pending[id] = now
    }

    /// What is to be written now, all in one statement.
    mutating func take(at now: Date) -> [UUID: Date] {
        written = written.filter { now.timeIntervalSince($0.value) < Self.interval }
        let due = pending.filter { written[$0.key] == nil }
        for id in due.keys {
            pending[id] = nil
            if written.count < Self.capacity { written[id] = now }
        }
        return due
    }

    var isEmpty: Bool { pending.isEmpty }
}
