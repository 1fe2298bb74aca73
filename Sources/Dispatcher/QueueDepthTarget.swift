/// How many admitted tasks may wait in the broker's queues: what is admitted is decided already, so it is little more than the workers take
/// until the next round. What a worker has taken from its queue waits no more, though its claim may still be under way.
///
/// The target doubles when the workers took all that there was, follows what they took when they left some, and falls slowly enough to
/// survive a wave of calls that end together.
struct QueueDepthTarget: Sendable, Hashable {
    private let range: ClosedRange<Int>
    private(set) var target: Int
    /// Tasks that are thought to wait: what was read last, and what was admitted since.
    private(set) var depth = 0
    /// How many the workers took before the last reading.
    private(set) var taken = 0

    init(range: ClosedRange<Int>) {
        self.range = range
        target = range.lowerBound
    }

    /// How many more tasks may be admitted.
    var room: Int { max(0, target - depth) }

    /// How many more may be admitted beyond the target, of projects that have less than their share: as many again at most, and never less
    /// than a small burst of a project that was idle.
    var overdraft: Int {
        let most = max(target, range.lowerBound * 4)
        return max(0, most - max(0, depth - target))
    }

    /// Whether the estimate has to be replaced by a figure. A task now and then costs no question.
    var needsReading: Bool { depth * 2 >= target }

    /// Of all that were admitted, `ready` wait in the queues and `unpublished` are on their way there.
    mutating func read(ready: Int, unpublished: Int = 0) {
        let remaining = ready + unpublished
        taken = max(0, depth - remaining)
        // Only what the broker has had can show that the workers want more.
        if ready == 0, (depth - unpublished) * 2 >= target {
            target = min(range.upperBound, target * 2)
        } else if ready * 2 > taken {
            // Half as much again as they took would have done.
            target = max(range.lowerBound, max(taken * 3 / 2, target * 3 / 4))
        }
        depth = remaining
    }

    mutating func admitted(_ count: Int) { depth += count }
}
