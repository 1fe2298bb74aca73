import CoreMetrics
import DequeModule
import Synchronization

/// Spans on their way to the collector. When it is full, the newest are dropped and counted: tracing must hold nothing up.
final class SpanQueue: Sendable {
    private let capacity: Int
    private let spans = Mutex<Deque<FinishedSpan>>([])
    private let dropped = Counter(label: "chorus_spans_dropped_total")
    private let signal: AsyncStream<Void>.Continuation
    /// There are some.
    let signals: AsyncStream<Void>

    init(capacity: Int = 4_096) {
        self.capacity = capacity
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ span: FinishedSpan) {
        let isFirst: Bool? = spans.withLock { spans in
            guard spans.count < capacity else { return nil }
            spans.append(span)
            return spans.count == 1
        }
        switch isFirst {
        case nil: dropped.increment()
        case true?: signal.yield()
        case false?: break
        }
    }

    /// The oldest, `limit` at the most.
    func take(_ limit: Int) -> [FinishedSpan] {
        spans.withLock { spans in
            let taken = Array(spans.prefix(limit))
            spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Some could not be handed over.
    func lost(_ count: Int) { dropped.increment(by: count) }
}
