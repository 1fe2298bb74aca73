import Domain
import Foundation
import Postgres
import Store
import Testing

@testable import Operations

/// The gates of engines in the database: slots, places, closings.
@Suite(.timeLimit(.minutes(2))) struct GateTests {
    private static func request(
        _ worker: UUID, _ rates: SlotRates = SlotRates(requestsPerMinute: nil, tokensPerMinute: nil), costs: [Int] = [1],
        waits: [Int?] = [], settled: Int = 0, concurrency: Int? = nil, used: Int = 0, wanted: Int = 0
    ) -> SlotRequest {
        SlotRequest(
            engine: "local", workerID: worker, concurrency: concurrency, placesUsed: used, placesWanted: wanted, rates: rates, costs: costs,
            waits: waits, settled: settled, probeLease: 10)
    }

    /// The database does the sums of `SlotSchedule`, whatever was taken before.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func slotsAreThoseOfTheSchedule(seed: UInt64) async throws {
        var random = SplitMix64(state: seed)
        let rates = SlotRates(
            requestsPerMinute: seed % 3 == 0 ? nil : Int.random(in: 1...6_000, using: &random),
            tokensPerMinute: seed % 3 == 1 ? nil : Int.random(in: 1_000...1_000_000, using: &random))
        let rounds = (0..<30).map { _ in
            (
                gap: ([0, 0.1, 0.7, 5] as [Double]).randomElement(using: &random) ?? 0,
                costs: (0..<Int.random(in: 0...30, using: &random)).map { _ in Int.random(in: 1...2_000, using: &random) },
                settled: Int.random(in: -500...500, using: &random)
            )
        }
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            var schedule = SlotSchedule(requestsUntil: 0, tokensUntil: 0)
            var now = 0.0
            _ = try await fixture.store.takeSlots(Self.request(worker, rates, costs: []))
            for round in rounds {
                now += round.gap
                let answer = try await Self.take(
                    worker, rates, round.costs, round.settled, after: (schedule.requestsUntil - now, schedule.tokensUntil - now), fixture)
                let grant = schedule.take(round.costs, settled: round.settled, rates: rates, at: now)
                // The clock goes on between the statements of the database, and a call that is a hair beyond the horizon may fit.
                let tolerance = 0.1
                let slots = Int((tolerance / (rates.requestInterval ?? 1)).rounded(.up)) + 1
                #expect(abs(answer.count - grant.count) <= slots, "seed \(seed)")
                if answer.count == grant.count {
                    if rates.requestInterval != nil { #expect(abs(answer.requestsUntil - (schedule.requestsUntil - now)) < tolerance) }
                    if rates.tokenInterval != nil { #expect(abs(answer.tokensUntil - (schedule.tokensUntil - now)) < tolerance) }
                    #expect(abs(answer.requestSlot - grant.requestSlot) < tolerance && abs(answer.tokenSlot - grant.tokenSlot) < tolerance)
                    #expect(abs(answer.nextIn - grant.nextIn) < tolerance)
                }
                (schedule.requestsUntil, schedule.tokensUntil) = (now + answer.requestsUntil, now + answer.tokensUntil)
            }
        }
    }

    /// Takes slots as if what was given away before were that many seconds ahead; the untils are counted from then on. Done again where
    /// the machine stood still between the statements, as it begins with all that it depends on.
    private static func take(
        _ worker: UUID, _ rates: SlotRates, _ costs: [Int], _ settled: Int, after untils: (Double, Double), _ fixture: StoreFixture
    ) async throws -> Taken {
        while true {
            let (taken, seconds) = try await takeOnce(worker, rates, costs, settled, after: untils, fixture)
            if seconds < 0.05 { return taken }
        }
    }

    private typealias Taken = (
        count: Int, requestSlot: Double, tokenSlot: Double, nextIn: Double, requestsUntil: Double, tokensUntil: Double
    )

    /// Tells also how many seconds lay between the first look at the clock and the last.
    private static func takeOnce(
        _ worker: UUID, _ rates: SlotRates, _ costs: [Int], _ settled: Int, after untils: (Double, Double), _ fixture: StoreFixture
    ) async throws -> (Taken, seconds: Double) {
        try await fixture.database.withConnection { connection in
            let rows = try connection.pipeline([
                "SELECT extract(epoch FROM clock_timestamp())::float8",
                """
                UPDATE engine_gates SET requests_until = clock_timestamp() + \(untils.0) * interval '1 second',
                    tokens_until = clock_timestamp() + \(untils.1) * interval '1 second'
                """,
                """
                SELECT slots, coalesce(request_slot, 0), coalesce(token_slot, 0), next_in
                FROM chorus_take_slots('local', \(worker), NULL, 0, 0, \(rates.requestInterval), \(rates.tokenInterval),
                    \(costs.map { Int32(clamping: $0) }), \(Int64(settled)), 10)
                """,
                """
                SELECT extract(epoch FROM requests_until - clock_timestamp())::float8,
                    extract(epoch FROM tokens_until - clock_timestamp())::float8, extract(epoch FROM clock_timestamp())::float8
                FROM engine_gates
                """,
            ])
            let start = try #require(rows[0].first).decode(Double.self)
            let (count, requestSlot, tokenSlot, nextIn) = try #require(rows[2].first).decode(
                Int.self, Double.self, Double.self, Double.self)
            let (requests, tokens, end) = try #require(rows[3].first).decode(Double.self, Double.self, Double.self)
            return ((count, requestSlot, tokenSlot, nextIn, requests, tokens), end - start)
        }
    }

    private static func count(_ query: PostgresQuery, _ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query(query) { try $0.decode(Int.self) }.first ?? -1
    }

    private static func until(_ fixture: StoreFixture) async throws -> (Double, Double) {
        try #require(
            try await fixture.database.query(
                """
                SELECT extract(epoch FROM requests_until - clock_timestamp())::float8, extract(epoch FROM tokens_until - clock_timestamp())::float8
                FROM engine_gates
                """
            ) { try $0.decode(Double.self, Double.self) }.first)
    }

    /// Many workers at once, one second: together no more than the limit and what was left over.
    @Test func manyWorkersShareTheSlots() async throws {
        try await StoreFixture.with { fixture in
            let rates = SlotRates(requestsPerMinute: 600, tokensPerMinute: nil)
            var workers: [UUID] = []
            for _ in 0..<8 { workers.append(try await fixture.makeWorker()) }
            let taken = try await withThrowingTaskGroup { group in
                for worker in workers {
                    group.addTask {
                        var taken = 0
                        for _ in 0..<10 {
                            taken += try await fixture.store.takeSlots(
                                Self.request(worker, rates, costs: Array(repeating: 1, count: 3))
                            ).grant.count
                        }
                        return taken
                    }
                }
                return try await group.reduce(0, +)
            }
            let (until, _) = try await Self.until(fixture)
            #expect(until <= 1.2, "one slot beyond the horizon at the most")
            #expect(taken >= 10, "one second ahead")
        }
    }

    @Test func placesAreSharedAndGoWithTheirWorker() async throws {
        try await StoreFixture.with { fixture in
            let (one, other) = (try await fixture.makeWorker(), try await fixture.makeWorker())
            func take(_ worker: UUID, used: Int, wanted: Int) async throws -> (Int, Int) {
                let costs = Array(repeating: 1, count: max(0, wanted - used))
                let answer = try await fixture.store.takeSlots(
                    Self.request(worker, costs: costs, concurrency: 5, used: used, wanted: wanted))
                return (answer.places, answer.grant.count)
            }
            #expect(try await take(one, used: 0, wanted: 3) == (3, 3))
            #expect(try await take(other, used: 0, wanted: 3) == (2, 2))
            #expect(try await take(other, used: 2, wanted: 5) == (2, 0))
            #expect(try await take(one, used: 1, wanted: 1) == (1, 0), "two are given back")
            #expect(try await take(other, used: 2, wanted: 5) == (4, 2))
            try await fixture.loseWorker(one)
            #expect(try await take(other, used: 4, wanted: 9) == (5, 1))
            #expect(try await take(one, used: 1, wanted: 4).0 == 0, "the dead take nothing")
            #expect(try await take(other, used: 0, wanted: 0).0 == 0)
            #expect(try await Self.count("SELECT count(*) FROM engine_places", fixture) == 0)
        }
    }

    /// From the queue to its slot a call is counted as one that waits, and once.
    @Test func callsThatWaitAreCounted() async throws {
        try await StoreFixture.with { fixture in
            let rates = SlotRates(requestsPerMinute: 60, tokensPerMinute: nil)
            func figures() async throws -> EngineFigures { try #require(try await fixture.store.engineFigures(of: ["local"]).first) }
            func claim(_ tasks: [UUID], _ worker: UUID) async throws {
                #expect(try await fixture.store.claim(tasks, workerID: worker, fleetDefault: "local").count == tasks.count)
            }
            let (asker, newcomer) = (try await fixture.makeWorker(), try await fixture.makeWorker())
            _ = await fixture.submit(4)
            let tasks = try await fixture.admitAll().tasks
            let cost = try #require(tasks.first?.estimatedTokens)
            var now = try await figures()
            #expect(now.waiting == 0 && now.inQueue == 4)
            _ = try await fixture.store.takeSlots(Self.request(asker, rates, costs: []))
            try await claim(tasks.prefix(3).map(\.id), asker)
            // Taken, and not asked for yet.
            now = try await figures()
            #expect(now.waiting == 3 && now.tokensWaiting == 3 * cost && now.inQueue == 1)
            let asked = Self.request(asker, rates, costs: [cost, cost], waits: [cost, cost, cost])
            let answer = try await fixture.store.takeSlots(asked)
            now = try await figures()
            #expect((1...2).contains(answer.grant.count))
            #expect(answer.noted == 3 - answer.grant.count)
            #expect(now.waiting == answer.noted && now.tokensWaiting == answer.noted * cost)
            // Those that have a choice are held back by nothing, and hold back nobody.
            let others = try await fixture.store.takeSlots(Self.request(asker, rates, costs: [], waits: [cost, nil, cost, nil]))
            #expect(others.noted == 2)
            let same = Array(repeating: cost, count: 3 - answer.grant.count)
            #expect(try await fixture.store.takeSlots(Self.request(asker, rates, costs: [], waits: same)).noted == same.count)
            // A worker that never asked has asked for none of what it took this moment.
            try await claim([tasks[3].id], newcomer)
            _ = try await fixture.database.execute("UPDATE tasks SET started_at = now() + interval '1 hour' WHERE task_id = \(tasks[3].id)")
            #expect(try await figures().waiting == 4 - answer.grant.count)
            // Nobody waits for so long.
            _ = try await fixture.database.execute("UPDATE tasks SET started_at = now() - interval '1 hour'")
            _ = try await fixture.database.execute("UPDATE engine_waits SET asked_at = now() - interval '3 seconds'")
            #expect(try await figures().waiting == 0)
            try await fixture.store.forgetWaits()
            #expect(try await Self.count("SELECT count(*) FROM engine_waits", fixture) == 1)
            _ = try await fixture.database.execute("UPDATE engine_waits SET asked_at = now() - interval '1 hour'")
            try await fixture.store.forgetWaits()
            // Without rates nothing is noted.
            _ = try await fixture.store.takeSlots(Self.request(newcomer, costs: [1, 1], waits: [1, 1], concurrency: 1, wanted: 2))
            #expect(try await Self.count("SELECT count(*) FROM engine_waits", fixture) == 0)
        }
    }

    private static func close(
        _ worker: UUID, _ fixture: StoreFixture, wasProbe: Bool = false, pause: Duration? = nil
    ) async throws -> Double {
        try await fixture.store.closeGate(
            "local", workerID: worker, wasProbe: wasProbe, pause: pause, base: 1, reason: .rateLimited, message: "slow down") ?? -1
    }

    private static func lapse(_ fixture: StoreFixture) async throws {
        _ = try await fixture.database.execute(
            "UPDATE engine_gates SET closed_until = clock_timestamp() - interval '1 millisecond' WHERE closed_until IS NOT NULL")
    }

    @Test func aClosedGateLetsOneProbeThrough() async throws {
        try await StoreFixture.with { fixture in
            let (one, other) = (try await fixture.makeWorker(), try await fixture.makeWorker())
            let first = try await Self.close(one, fixture)
            #expect((1...1.26).contains(first))
            #expect(try await Self.close(other, fixture) <= first, "others that were refused with it add nothing")
            #expect(try await Self.close(other, fixture, pause: .seconds(5)) > 4.9, "save what they are asked for")
            let closed = try await fixture.store.takeSlots(Self.request(one))
            #expect(closed.state == .closed && closed.grant.count == 0 && closed.reason == .rateLimited && closed.message == "slow down")
            #expect(try await fixture.store.closedGates().map(\.engine) == ["local"])

            try await Self.lapse(fixture)
            #expect(try await fixture.store.takeSlots(Self.request(one, costs: [1, 1, 1])).grant.count == 1)
            let waiting = try await fixture.store.takeSlots(Self.request(other))
            #expect(waiting.state == .probing && waiting.grant.count == 0)
            // Refused in a row: longer each time.
            #expect((2...2.6).contains(try await Self.close(one, fixture, wasProbe: true)))
            try await Self.lapse(fixture)
            #expect(try await fixture.store.takeSlots(Self.request(other)).state == .probe)
            #expect((4...5.1).contains(try await Self.close(other, fixture, wasProbe: true, pause: .seconds(1))))
            for _ in 0..<10 {
                try await Self.lapse(fixture)
                #expect(try await fixture.store.takeSlots(Self.request(other)).state == .probe)
                #expect(try await Self.close(other, fixture, wasProbe: true) <= 75)
            }
            try await Self.lapse(fixture)
            #expect(try await fixture.store.takeSlots(Self.request(other)).state == .probe)
            try await fixture.store.openGate("local", workerID: one)
            #expect(try await fixture.store.closedGates().count == 1, "it is not that worker's probe")
            try await fixture.store.openGate("local", workerID: other)
            #expect(try await fixture.store.closedGates().isEmpty)
            #expect(try await fixture.store.takeSlots(Self.request(one)).state == .open)
            #expect(try await Self.close(one, fixture) < 1.3, "it counts anew")
        }
    }

    /// The probe of a worker that died, or that was stopped, is nobody's: the next one follows at once.
    @Test func aProbeGoesWithItsWorker() async throws {
        try await StoreFixture.with { fixture in
            let (one, other) = (try await fixture.makeWorker(), try await fixture.makeWorker())
            _ = try await Self.close(one, fixture)
            try await Self.lapse(fixture)
            #expect(try await fixture.store.takeSlots(Self.request(one)).state == .probe)
            #expect(try await fixture.store.takeSlots(Self.request(other)).state == .probing)
            try await fixture.loseWorker(one)
            #expect(try await fixture.store.takeSlots(Self.request(other)).state == .probe)
            try await fixture.store.giveUpProbe("local", workerID: other)
            let third = try await fixture.makeWorker()
            #expect(try await fixture.store.takeSlots(Self.request(third)).state == .probe)
        }
    }

    @Test func aGateFollowsItsEngine() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.takeSlots(Self.request(worker, concurrency: 2, wanted: 1)).places == 1)
            try await fixture.store.applyEngines([EngineRow(name: "hosted", type: "openai", definition: ["name": "hosted"])])
            #expect(try await fixture.store.takeSlots(Self.request(worker)).state == .gone)
            #expect(
                try await fixture.store.closeGate(
                    "local", workerID: worker, wasProbe: false, pause: nil, base: 1, reason: .circuit, message: "") == nil)
            #expect(try await Self.count("SELECT count(*) FROM engine_gates", fixture) == 0)
        }
    }
}
