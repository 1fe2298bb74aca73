/// How full one queue is kept: what is in a queue is decided already, so it holds little more than the workers take until the next round.
///
/// The target doubles when the workers emptied what the last round left, and shrinks when much of it is still there.
struct QueueDepthTarget: Sendable, Hashable {
    private let range: ClosedRange<Int>
    private(set) var target: Int
    /// Messages that are thought to be ready: what was read last, and what was published since.
    private(set) var depth = 0

    init(range: ClosedRange<Int>) {
        self.range = range
        target = range.lowerBound
    }

    /// How many more tasks the queue may take.
    var room: Int { max(0, target - depth) }

    /// Whether the estimate has to be replaced by the broker's own figure.
    var needsReading: Bool { depth * 2 >= target }

    /// The broker counts `ready` messages.
    mutating func read(ready: Int) {
        if ready == 0, depth * 2 >= target {
            target = min(range.upperBound, target * 2)
        } else if ready * 2 > target {
            target = max(range.lowerBound, target * 3 / 4)
        }
        depth = ready
    }

    mutating func published(_ count: Int) { depth += count }
}
