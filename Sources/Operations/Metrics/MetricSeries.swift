import CoreMetrics
import Synchronization

/// One series: a number, or a histogram.
final class MetricSeries: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    enum Reading: Equatable {
        case value(Double)
        /// The bounds, how many values lay at or below each, how many there were, and their sum.
        case histogram(bounds: [Double], cumulative: [Int], count: Int, sum: Double)
    }

    private struct State {
        var value = 0.0
        /// Of each bound, and one for what lies above all.
        var buckets: [Int]
        var sum = 0.0
    }

    let kind: MetricKind
    private let bounds: [Double]
    private let state: Mutex<State>

    /// - Parameter bounds: ascending; empty where it is no histogram.
    init(kind: MetricKind, bounds: [Double]) {
        self.kind = kind
        self.bounds = bounds
        state = Mutex(State(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    var reading: Reading {
        state.withLock { state in
            guard kind == .histogram else { return .value(state.value) }
            var total = 0
            let cumulative = state.buckets.dropLast().map { count in
                total += count
                return total
            }
            return .histogram(bounds: bounds, cumulative: cumulative, count: total + (state.buckets.last ?? 0), sum: state.sum)
        }
    }

    func increment(by amount: Int64) { increment(by: Double(amount)) }

    func increment(by amount: Double) {
        guard amount.isFinite, amount > 0 || kind == .gauge else { return }
        state.withLock { $0.value += amount }
    }

    func decrement(by amount: Double) { increment(by: -amount) }

    func set(_ value: Int64) { set(Double(value)) }

    func set(_ value: Double) { if value.isFinite { state.withLock { $0.value = value } } }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        guard kind == .histogram else { return set(value) }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.buckets[index] += 1
            state.sum += value
        }
    }

    /// Times are shown in seconds, Prometheus's unit.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }

    /// Belongs to the process: nothing starts anew.
    func reset() {}
}
