import Domain
import Synchronization
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct CacheTests {
    @Test func forgetsWhatExpired() {
        var table = CacheTable<String, Int>(capacity: 10)
        let start = ContinuousClock.now
        table.remember(1, for: "a", lifetime: .seconds(2), at: start)
        #expect(table.value(for: "a", noOlderThan: nil, at: start + .milliseconds(1_999)) == 1)
        #expect(table.value(for: "a", noOlderThan: .milliseconds(200), at: start + .milliseconds(201)) == nil)
        #expect(table.value(for: "a", noOlderThan: nil, at: start + .seconds(2)) == nil)
        table.remember(1, for: "b", lifetime: .zero, at: start)
        #expect(table.value(for: "b", noOlderThan: nil, at: start) == nil)
    }

    @Test func neverHoldsMoreThanItsCapacity() {
        var table = CacheTable<Int, Int>(capacity: 100)
        let start = ContinuousClock.now
        for key in 0..<1_000 {
            table.remember(key, for: key, lifetime: .seconds(1), at: start)
            #expect(table.count <= 100)
            #expect(table.value(for: key, noOlderThan: nil, at: start) == key)
        }
    }

    @Test func keepsTheLivingWhenTheExpiredMakeRoom() {
        var table = CacheTable<Int, Int>(capacity: 100)
        let start = ContinuousClock.now
        for key in 0..<60 { table.remember(key, for: key, lifetime: .seconds(1), at: start) }
        for key in 60..<100 { table.remember(key, for: key, lifetime: .seconds(9), at: start) }
        table.remember(100, for: 100, lifetime: .seconds(9), at: start + .seconds(2))
        #expect(table.count == 41)
    }

    @Test func sharesOneLoad() async throws {
        let loads = Counter()
        let (gate, open) = AsyncStream<Void>.makeStream()
        let cache = ReadThroughCache<String, Int>(capacity: 10) { _ in .seconds(60) }
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    try await cache.value(for: "a") {
                        loads.add()
                        for await _ in gate {}
                        return 7
                    }
                }
            }
            open.finish()
            for try await value in group { #expect(value == 7) }
        }
        #expect(loads.count == 1)
    }

    @Test func doesNotRememberErrors() async throws {
        let cache = ReadThroughCache<String, Int>(capacity: 10) { _ in .seconds(60) }
        await #expect(throws: Problem.self) { try await cache.value(for: "a") { throw Problem.unauthorized } }
        #expect(try await cache.value(for: "a") { 2 } == 2)
    }

    @Test func asksForEnginesOnceMoreBeforeRefusing() async throws {
        let start = ContinuousClock.now
        let elapsed = Mutex(Duration.zero)
        let loads = Counter()
        let directory = EngineDirectory(now: { start + elapsed.withLock { $0 } }) {
            loads.add()
            return EngineNames(loads.count == 1 ? ["old"] : ["old", "new"])
        }
        let body: JSONValue = ["task_type": "chat", "input_data": ["prompt": "hi", "engine": "new"]]
        func read() async throws -> NewTask {
            try await directory.reading { names throws(Problem) in try NewTask(reading: body, knownEngines: names) }
        }
        await #expect(throws: Problem.self) { try await read() }
        #expect(loads.count == 1, "what is this fresh is believed")
        elapsed.withLock { $0 = .milliseconds(300) }
        _ = try await read()
        #expect(loads.count == 2)
    }
}
