/// Whether an engine fails so often, or is so slow, that it is better left alone for a while: pure, from the calls of this worker.
///
/// A sliding window in slices of time: what is older is forgotten a slice at a time. After it has tripped it begins anew.
struct CircuitBreaker: Sendable, Hashable {
    struct Rules: Sendable, Hashable {
        static let standard = Rules()

        /// How far back calls count.
        var window = Duration.seconds(30)
        /// Fewer calls than these tell nothing.
        var minimumCalls = 20
        /// The share of calls that failed, or were slow, from which on the circuit breaks.
        var share = 0.5
    }

    private struct Slice: Hashable {
        var start: ContinuousClock.Instant
        var calls = 0
        var bad = 0
    }

    private static let slices = 10

    private let rules: Rules
    private var recent: [Slice] = []

    init(rules: Rules = .standard) { self.rules = rules }

    /// A call has ended. True where the circuit is to break.
    mutating func record(isBad: Bool, at now: ContinuousClock.Instant) -> Bool {
        let length = rules.window / Self.slices
        recent.removeAll { now - $0.start >= rules.window }
        if recent.last.map({ now - $0.start >= length }) ?? true { recent.append(Slice(start: now)) }
        recent[recent.count - 1].calls += 1
        guard isBad else { return false }
        recent[recent.count - 1].bad += 1
        let (calls, bad) = recent.reduce((0, 0)) { ($0.0 + $1.calls, $0.1 + $1.bad) }
        guard calls >= rules.minimumCalls, Double(bad) >= Double(calls) * rules.share else { return false }
        recent.removeAll()
        return true
    }

    mutating func reset() { recent.removeAll() }
}
