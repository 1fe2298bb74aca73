/// Counts calls in windows of a minute, as hosted engines do.
struct RateWindow {
    let limit: Int
    private var start: ContinuousClock.Instant?
    private var count = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// nil if one more call fits; else the seconds until the window ends.
    mutating func take(at now: ContinuousClock.Instant) -> Int? {
        if start.map({ now - $0 >= .seconds(60) }) ?? true {
            start = now
            count = 0
        }
        guard count >= limit, let start else {
            count += 1
            return nil
        }
        return max(1, Int((.seconds(60) - (now - start)).components.seconds) + 1)
    }
}
