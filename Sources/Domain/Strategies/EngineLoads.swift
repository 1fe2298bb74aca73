/// What one worker knows of its engines: calls under way and failures of late, from which `balance` chooses. Pure.
///
/// An engine that failed rests: 1 s after the first failure in a row, twice as long after each further one, a minute at most. Otherwise an
/// engine that fails at once would always have the least to do, and draw all the work. While it rests, and until one call tells that it
/// works again, it is asked only where no other one is left.
public struct EngineLoads: Sendable {
    static let firstRest = Duration.seconds(1)
    static let longestRest = Duration.seconds(60)

    private struct Load: Sendable {
        var inFlight = 0
        var failuresInARow = 0
        var restsUntil: ContinuousClock.Instant?
        /// The number of the last call, so that engines with equally much to do take turns.
        var lastTurn = 0
    }

    /// Bounded by the engines that there are, and were since the process began.
    private var loads: [String: Load] = [:]
    private var turns = 0

    public init() {}

    public func inFlight(_ engine: String) -> Int { loads[engine]?.inFlight ?? 0 }

    public mutating func began(_ engine: String) {
        turns += 1
        loads[engine, default: Load()].inFlight += 1
        loads[engine, default: Load()].lastTurn = turns
    }

    /// - Parameter failed: nil where the call says nothing about the engine, because its caller stopped it.
    public mutating func ended(_ engine: String, failed: Bool?, at now: ContinuousClock.Instant) {
        var load = loads[engine] ?? Load()
        load.inFlight = max(0, load.inFlight - 1)
        switch failed {
        case nil: break
        case false?:
            load.failuresInARow = 0
            load.restsUntil = nil
        case true?:
            load.failuresInARow += 1
            let rest = Self.firstRest * (1 << min(load.failuresInARow - 1, 10))
            load.restsUntil = now + min(rest, Self.longestRest)
        }
        loads[engine] = load
    }

    /// The positions of `engines`, the best first: those that work before those in trouble, among equals the one with the least under way,
    /// then the one whose turn is the longest ago.
    ///
    /// - Parameter isClosed: engines that somebody else knows not to take calls now.
    public func order(
        of engines: [String], at now: ContinuousClock.Instant, isClosed: (String) -> Bool = { _ in false }
    ) -> [Int] {
        let ranks = engines.map { engine in
            let load = loads[engine] ?? Load()
            let isResting = load.restsUntil.map { now < $0 } ?? false
            // Rested, and not yet known to work: one call finds out.
            let isBeingTried = load.failuresInARow > 0 && load.inFlight > 0
            return (isClosed(engine) ? 2 : isResting || isBeingTried ? 1 : 0, load.inFlight, load.lastTurn)
        }
        return engines.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
    }
}

private func < (one: ((Int, Int, Int), Int), other: ((Int, Int, Int), Int)) -> Bool {
    one.0 == other.0 ? one.1 < other.1 : one.0 < other.0
}
