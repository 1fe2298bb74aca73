/// How long to wait for room: longer each time there was none, so that a backlog behind slow tasks costs little to watch.
struct HeldBackWait: Sendable, Hashable {
    private let range: ClosedRange<Duration>
    private var next: Duration

    init(range: ClosedRange<Duration>) {
        self.range = range
        next = range.lowerBound
    }

    /// There was no room.
    mutating func heldBack() -> Duration {
        defer { next = min(range.upperBound, next * 2) }
        return next
    }

    /// There was.
    mutating func reset() { next = range.lowerBound }
}
