import Domain
import Testing

@Suite struct EngineLoadsTests {
    private let now = ContinuousClock.now

    @Test func theLeastBusyComesFirst() {
        var loads = EngineLoads()
        loads.began("a")
        loads.began("a")
        loads.began("b")
        #expect(loads.order(of: ["a", "b", "c"], at: now) == [2, 1, 0])
        loads.ended("a", failed: false, at: now)
        loads.ended("a", failed: false, at: now)
        #expect(loads.order(of: ["a", "b", "c"], at: now) == [2, 0, 1])
    }

    @Test func equalsTakeTurns() {
        var loads = EngineLoads()
        var turns: [Int] = []
        for _ in 0..<6 {
            let first = loads.order(of: ["a", "b", "c"], at: now)[0]
            turns.append(first)
            loads.began(["a", "b", "c"][first])
            loads.ended(["a", "b", "c"][first], failed: false, at: now)
        }
        #expect(turns == [0, 1, 2, 0, 1, 2])
    }

    /// One that fails at once would always be the least busy.
    @Test func aFailingEngineRests() {
        var loads = EngineLoads()
        loads.began("bad")
        loads.ended("bad", failed: true, at: now)
        for _ in 0..<50 { loads.began("good") }
        #expect(loads.order(of: ["bad", "good"], at: now) == [1, 0])
        let later = now + .milliseconds(1_100)
        #expect(loads.order(of: ["bad", "good"], at: later) == [0, 1], "it is tried again")
        loads.began("bad")
        #expect(loads.order(of: ["bad", "good"], at: later) == [1, 0], "by one call")
        loads.ended("bad", failed: true, at: later)
        #expect(loads.order(of: ["bad", "good"], at: later + .milliseconds(1_100)) == [1, 0], "each failure in a row doubles the rest")
        loads.began("bad")
        loads.ended("bad", failed: false, at: later)
        #expect(loads.order(of: ["bad", "good"], at: later) == [0, 1])
    }

    @Test func aCallThatWasStoppedSaysNothing() {
        var loads = EngineLoads()
        loads.began("a")
        loads.ended("a", failed: nil, at: now)
        loads.began("b")
        #expect(loads.order(of: ["a", "b"], at: now) == [0, 1])
        #expect(loads.inFlight("a") == 0)
        loads.ended("a", failed: nil, at: now)
        #expect(loads.inFlight("a") == 0, "never below none")
    }

    @Test func theRestIsBounded() {
        var loads = EngineLoads()
        for _ in 0..<100 { loads.ended("a", failed: true, at: now) }
        #expect(loads.order(of: ["a", "b"], at: now + .seconds(59)) == [1, 0])
        #expect(loads.order(of: ["a", "b"], at: now + .seconds(61)).first == 0 || loads.inFlight("b") == 0)
    }

    @Test func aClosedEngineComesLast() {
        var loads = EngineLoads()
        loads.began("busy")
        loads.ended("sick", failed: true, at: now)
        #expect(loads.order(of: ["closed", "sick", "busy"], at: now) { $0 == "closed" } == [2, 1, 0])
    }
}
