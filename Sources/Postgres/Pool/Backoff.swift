/// Waits between attempts: full jitter under a doubling cap, so that clients of a restarted server do not return in step.
struct Backoff: Equatable {
    private(set) var attempt = 0
    let base: Duration
    let limit: Duration

    init(base: Duration = .milliseconds(50), limit: Duration = .seconds(2)) {
        self.base = base
        self.limit = limit
    }

    /// The wait before the next attempt. `random` is in 0…1.
    mutating func next(random: Double = .random(in: 0...1)) -> Duration {
        defer { attempt += 1 }
        return min(limit, base * (1 << min(attempt, 20))) * random
    }
}
