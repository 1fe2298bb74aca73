/// How many admitted tasks may wait for a worker: what is admitted is decided already, so it is little more than the workers take until the
/// next round.
///
/// The target doubles when the workers took all that there was, follows what they took when they left some, and falls slowly enough to
/// survive a wave of calls that end together.
struct QueueDepthTarget: Sendable, Hashable {
    private let range: ClosedRange<Int>
    private(set) var target: Int
    /// Tasks that are thought to wait: what was read last, and what was admitted since.
    private(set) var depth = 0

    init(range: ClosedRange<Int>) {
        self.range = range
        target = range.lowerBound
    }

    /// How many more tasks may be admitted.
    var room: Int { max(0, target - depth) }

    /// Whether the estimate has to be replaced by a figure. A task now and then costs no question.
    var needsReading: Bool { depth * 2 >= target }

    /// Of all that were admitted, `depth` still wait.
    mutating func read(depth remaining: Int) {
        let taken = max(0, depth - remaining)
        if remaining == 0, depth * 2 >= target {
            target = min(range.upperBound, target * 2)
        } else if remaining > taken {
            // Twice what they took would have done.
            target = max(range.lowerBound, max(taken * 2, target * 7 / 8))
        }
        depth = remaining
    }

    mutating func admitted(_ count: Int) { depth += count }
}
