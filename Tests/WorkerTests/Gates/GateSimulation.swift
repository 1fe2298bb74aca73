import Domain
import Foundation
import HeapModule
import Store

@testable import Operations
@testable import Worker

/// A fleet's gates around one schedule, without clocks and database: statements, sleeps and calls take random times.
struct GateSimulation {
    struct Event: Comparable {
        var time: Double
        var number: Int
        var what: What

        static func < (left: Event, right: Event) -> Bool { (left.time, left.number) < (right.time, right.number) }
        static func == (left: Event, right: Event) -> Bool { left.number == right.number }
    }

    enum What {
        case look(Int)
        /// The statement is carried out.
        case take(Int, SlotRequest, [UInt64], sentAt: Double)
        case answer(Int, SlotAnswer, SlotRequest, [UInt64], sentAt: Double)
        case begin(Int, UInt64, EngineGate.Pass, EngineGate.SlotTime?)
        case end(Int, EngineGate.Pass, used: Int)
        case demand(Int)
    }

    private static let identity = UUID()

    private let start = ContinuousClock.now
    private var random: SplitMix64
    private var heap = Heap<Event>()
    private var number = 0
    private var schedule = SlotSchedule(requestsUntil: -100, tokensUntil: -100)
    private(set) var gates: [EngineGate]
    private var lastTicket: UInt64 = 0
    /// When each worker looks next.
    private var lookAt: [Double]
    private let limits: EngineGate.Limits
    private let costs: ClosedRange<Int>
    /// Share of the estimate that a call really uses.
    private let use: ClosedRange<Double>
    private let depth: Int
    /// When each call reached the engine, and the tokens that it used.
    private(set) var arrivals: [(time: Double, tokens: Int)] = []
    private(set) var tooLate = 0
    private(set) var highestWaiting = 0

    init(
        seed: UInt64, workers: Int, limits: EngineGate.Limits, costs: ClosedRange<Int> = 1...1, use: ClosedRange<Double> = 1...1,
        depth: Int
    ) {
        random = SplitMix64(state: seed)
        gates = (0..<workers).map { _ in EngineGate(engine: "simulated") }
        lookAt = Array(repeating: .infinity, count: workers)
        self.limits = limits
        self.costs = costs
        self.use = use
        self.depth = depth
        for worker in 0..<workers { schedule(.demand(worker), at: Double.random(in: 0...0.5, using: &random)) }
    }

    private mutating func schedule(_ what: What, at time: Double) {
        number += 1
        heap.insert(Event(time: time, number: number, what: what))
    }

    private func instant(_ time: Double) -> ContinuousClock.Instant { start + .seconds(time) }
    private func seconds(_ instant: ContinuousClock.Instant) -> Double { (instant - start) / .seconds(1) }

    /// A round trip that is nearly always short, and now and then long.
    private mutating func delay() -> Double {
        Int.random(in: 0..<50, using: &random) == 0
            ? Double.random(in: 0...0.6, using: &random) : Double.random(in: 0.0005...0.02, using: &random)
    }

    mutating func run(until end: Double) {
        while let event = heap.popMin(), event.time <= end {
            let now = event.time
            switch event.what {
            case .demand(let worker):
                demand(worker, now)
                schedule(.demand(worker), at: now + Double.random(in: 0.01...0.2, using: &random))
            case .look(let worker):
                guard lookAt[worker] == now else { continue }
                lookAt[worker] = .infinity
                look(worker, now)
            case .take(let worker, let request, let tickets, let sentAt):
                let grant = schedule.take(request.costs, settled: request.settled, rates: request.rates, at: now)
                let answer = SlotAnswer(state: .open, places: 0, grant: grant)
                schedule(.answer(worker, answer, request, tickets, sentAt: sentAt), at: now + delay())
            case .answer(let worker, let answer, let request, let tickets, let sentAt):
                let releases = gates[worker].answered(
                    answer, to: request, tickets: tickets, sentAt: instant(sentAt), at: instant(now))
                heed(releases, worker, now)
                look(worker, now)
            case .begin(let worker, let ticket, let pass, let time): begin(worker, ticket, pass, time, now)
            case .end(let worker, let pass, let used):
                heed(gates[worker].end(pass, .works, tokens: used, at: instant(now)), worker, now)
                look(worker, now)
            }
        }
    }

    /// Keeps `depth` calls waiting, of each worker.
    private mutating func demand(_ worker: Int, _ now: Double) {
        _ = gates[worker].update(limits, probeLease: .seconds(10))
        while gates[worker].waiting.count < depth {
            lastTicket += 1
            let tokens = Int.random(in: costs, using: &random)
            guard case .wait = gates[worker].enter(lastTicket, tokens: tokens, at: instant(now)) else { break }
        }
        highestWaiting = max(highestWaiting, gates[worker].waiting.count)
        look(worker, now)
    }

    private mutating func look(_ worker: Int, _ now: Double) {
        heed(gates[worker].handBack(at: instant(now)), worker, now)
        if case .take(let request, let tickets) = gates[worker].order(at: instant(now), worker: Self.identity) {
            schedule(.take(worker, request, tickets, sentAt: now), at: now + delay())
        }
        guard let alarm = gates[worker].alarm.map({ max(now + 0.001, seconds($0)) }), alarm < lookAt[worker] else { return }
        lookAt[worker] = alarm
        schedule(.look(worker), at: alarm)
    }

    private mutating func heed(_ releases: [EngineGate.Release], _ worker: Int, _ now: Double) {
        for case .pass(let ticket, let pass, let time) in releases {
            let earliest = time.map { max(now, seconds($0.earliest)) } ?? now
            // A busy machine wakes its sleepers late.
            schedule(.begin(worker, ticket, pass, time), at: earliest + delay())
        }
    }

    private mutating func begin(_ worker: Int, _ ticket: UInt64, _ pass: EngineGate.Pass, _ time: EngineGate.SlotTime?, _ now: Double) {
        guard case .begin = gates[worker].begin(pass, time: time, at: instant(now)) else {
            tooLate += 1
            return
        }
        let used = Int(Double(pass.tokens) * Double.random(in: use, using: &random))
        arrivals.append((now + Double.random(in: 0...0.15, using: &random), used))
        schedule(.end(worker, pass, used: used), at: now + Double.random(in: 0.05...2, using: &random))
    }
}

/// The most that any 60 s hold of arrivals, each with its weight.
func highestMinute(_ arrivals: [(time: Double, weight: Int)]) -> Int {
    let sorted = arrivals.sorted { $0.time < $1.time }
    var (first, sum, highest) = (0, 0, 0)
    for arrival in sorted {
        sum += arrival.weight
        while arrival.time - sorted[first].time >= 60 {
            sum -= sorted[first].weight
            first += 1
        }
        highest = max(highest, sum)
    }
    return highest
}
