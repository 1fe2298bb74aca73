import Domain
import Testing

@testable import Operations
@testable import Worker

/// Random fleets at a limited engine: never more than the limit and 2 % in any minute, and hardly less while there is demand.
@Suite(.timeLimit(.minutes(2))) struct GatePropertyTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func requestsKeepToTheirLimit(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let limit = [30, 60, 300, 600, 3_000, 12_000].randomElement(using: &random) ?? 60
        let workers = Int.random(in: 1...12, using: &random)
        var simulation = GateSimulation(
            seed: seed, workers: workers,
            limits: EngineGate.Limits(rates: SlotRates(requestsPerMinute: limit, tokensPerMinute: nil)),
            depth: max(2, limit / 60 * 2))
        simulation.run(until: 300)
        let highest = highestMinute(simulation.arrivals.map { ($0.time, 1) })
        #expect(highest <= (limit * 102 + 99) / 100, "seed \(seed): \(highest) of \(limit) by \(workers)")
        let used = simulation.arrivals.count { (60..<300).contains($0.time) }
        #expect(used * 100 >= limit * 4 * 95, "seed \(seed): \(used) of \(limit * 4) by \(workers), \(simulation.tooLate) too late")
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func tokensKeepToTheirLimit(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let limit = [60_000, 600_000].randomElement(using: &random) ?? 60_000
        let largest = limit / 600
        let workers = Int.random(in: 1...8, using: &random)
        let requests = Bool.random(using: &random) ? 100_000 : nil
        var simulation = GateSimulation(
            seed: seed, workers: workers,
            limits: EngineGate.Limits(rates: SlotRates(requestsPerMinute: requests, tokensPerMinute: limit)), costs: 1...largest,
            depth: 60)
        simulation.run(until: 300)
        let highest = highestMinute(simulation.arrivals.map { ($0.time, $0.tokens) })
        // One call is not cut in two.
        #expect(highest <= limit * 102 / 100 + largest, "seed \(seed): \(highest) of \(limit) by \(workers)")
        let used = simulation.arrivals.filter { (60..<300).contains($0.time) }.reduce(0) { $0 + $1.tokens }
        #expect(used * 100 >= limit * 4 * 95, "seed \(seed): \(used) of \(limit * 4) by \(workers), \(simulation.tooLate) too late")
    }

    /// Estimates that are too high by half or more are settled: the engine is used all the same.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func whatWasReservedAndNotUsedIsGivenBack(seed: UInt64) {
        let limit = 600_000
        var simulation = GateSimulation(
            seed: seed, workers: 4, limits: EngineGate.Limits(rates: SlotRates(requestsPerMinute: nil, tokensPerMinute: limit)),
            costs: 200...600, use: 0.2...0.5, depth: 60)
        simulation.run(until: 180)
        let used = simulation.arrivals.filter { (60..<180).contains($0.time) }.reduce(0) { $0 + $1.tokens }
        #expect(used * 100 >= limit * 2 * 90, "seed \(seed): \(used) of \(limit * 2)")
    }

    /// Calls and tokens that part widely, both limited: either limit holds.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func bothLimitsHold(seed: UInt64) {
        let (requests, tokens) = (600, 150_000)
        var simulation = GateSimulation(
            seed: seed, workers: 4, limits: EngineGate.Limits(rates: SlotRates(requestsPerMinute: requests, tokensPerMinute: tokens)),
            costs: 1...500, depth: 20)
        simulation.run(until: 240)
        #expect(highestMinute(simulation.arrivals.map { ($0.time, 1) }) <= 612)
        #expect(highestMinute(simulation.arrivals.map { ($0.time, $0.tokens) }) <= tokens * 102 / 100 + 500)
        let calls = simulation.arrivals.filter { (60..<240).contains($0.time) }
        let share = max(Double(calls.count) / Double(requests * 3), Double(calls.reduce(0) { $0 + $1.tokens }) / Double(tokens * 3))
        #expect(share >= 0.93, "seed \(seed): \(share)")
    }
}
