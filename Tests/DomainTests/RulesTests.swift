import Domain
import Foundation
import Testing

@Suite struct TaskStatusTests {
    @Test func onlyAPersonMovesAFinalTask() {
        for status in TaskStatus.allCases where status.isFinal {
            #expect(status.next.allSatisfy { $0 == .pending })
        }
    }

    @Test func everyStatusIsReachedFromPending() {
        var reached: Set<TaskStatus> = [.pending]
        while case let more = Set(reached.flatMap(\.next)).subtracting(reached), !more.isEmpty { reached.formUnion(more) }
        #expect(reached == Set(TaskStatus.allCases))
    }
}

@Suite struct RoutingTests {
    @Test func everyPriorityHasItsLane() {
        for priority in TaskPriority.range { #expect(Lane(priority: priority).priorities.contains(priority)) }
        #expect(Lane(priority: -5) == .low)
        #expect(Lane(priority: 50) == .urgent)
        #expect(Lane.allCases.sorted() == [.low, .normal, .high, .urgent])
    }

    @Test func partitionsAreStable() throws {
        let id = try #require(UUID(uuidString: "0193574d-0000-7000-8000-000000000001"))
        // Known answers: a project must find its queue after every release.
        #expect(Partitioning(count: 8).partition(of: id) == 6)
        #expect(Partitioning(count: 1).partition(of: id) == 0)
        #expect(Partitioning(count: 0).count == 1)
    }

    @Test func partitionsAreEven() {
        let partitioning = Partitioning.standard
        var counts = [Int](repeating: 0, count: partitioning.count)
        for _ in 0..<8_000 { counts[partitioning.partition(of: .v7())] += 1 }
        #expect(counts.allSatisfy { (800...1_200).contains($0) }, "\(counts)")
    }
}

@Suite struct IdentityTests {
    @Test func versionSevenSortsByTime() {
        let start = Date(timeIntervalSince1970: 1_764_000_000)
        let ids = (0..<1_000).map { UUID.v7(at: start.addingTimeInterval(Double($0) * 0.000_01)) }
        #expect(ids.map(\.text).sorted() == ids.map(\.text))
        #expect(ids.allSatisfy { $0.uuid.6 >> 4 == 7 && $0.uuid.8 >> 6 == 2 })
        #expect(Set(ids).count == ids.count)
    }
}

@Suite struct TimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0.0), ("2026-11-23T20:15:30.25Z", 1_795_464_930.25), ("2024-02-29T23:59:59+02:00", 1_709_243_999),
        ("1969-12-31T23:59:59.5Z", -0.5), ("2000-01-01t00:00:00z", 946_684_800),
    ])
    func reads(text: String, seconds: Double) {
        #expect(RFC3339.date(text)?.timeIntervalSince1970 == seconds)
    }

    @Test(arguments: ["", "2026-11-23", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T00:00:00", "x"])
    func refuses(text: String) {
        #expect(RFC3339.date(text) == nil)
    }

    @Test func writesWhatItReads() {
        for _ in 0..<10_000 {
            let microseconds = Int64.random(in: -60_000_000_000_000_000...250_000_000_000_000_000)
            let date = Date(timeIntervalSince1970: Double(microseconds / 1_000_000))
            #expect(RFC3339.date(RFC3339.text(date)) == date)
        }
        #expect(RFC3339.text(Date(timeIntervalSince1970: 1_795_464_930.25)) == "2026-11-23T20:15:30.250000Z")
    }

    @Test func backoffGrowsToItsCap() {
        let backoff = RetryBackoff(base: .seconds(1), cap: .seconds(60))
        #expect((1...8).map { backoff.bound(retry: $0) } == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.bound(retry: .max) == .seconds(60))
        #expect(backoff.bound(retry: -3) == .seconds(1))
        for retry in 1...10 { #expect((Duration.zero...backoff.bound(retry: retry)).contains(backoff.delay(retry: retry))) }
    }
}

@Suite struct InputTests {
    private let engines = EngineNames(["local", "hosted"])

    private func errors(_ text: String) throws -> [FieldError] {
        let body = try JSONValue(parsing: text)
        do {
            _ = try NewTask(reading: body, knownEngines: engines)
            return []
        } catch {
            return error.errors
        }
    }

    @Test(arguments: [
        (#"{"task_type":"chat","input_data":{"prompt":"hi"}}"#, [String]()),
        (#"{"task_type":"chat","priority":9,"input_data":{"messages":[{"role":"user","content":"hi"}],"engine":"local","top_p":0.5}}"#, []),
        (#"{}"#, ["/task_type", "/input_data"]),
        (#"{"task_type":"poem","input_data":{"prompt":"hi"}}"#, ["/task_type"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi"},"prority":1}"#, ["/prority"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi"},"priority":10}"#, ["/priority"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi"},"priority":"1"}"#, ["/priority"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi","messages":[]}}"#, ["/input_data/messages", "/input_data/prompt"]),
        (#"{"task_type":"chat","input_data":{"messages":[{"role":"boss","content":"hi"}]}}"#, ["/input_data/messages/0/role"]),
        (#"{"task_type":"chat","input_data":{"messages":[{"role":"user"}]}}"#, ["/input_data/messages/0/content"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi","engine":"nope"}}"#, ["/input_data/engine"]),
        (#"{"task_type":"chat","input_data":{"prompt":"hi"},"deadline":"tomorrow"}"#, ["/deadline"]),
        (#"[]"#, [""]),
    ])
    func pointsAtTheFault(text: String, pointers: [String]) throws {
        #expect(try errors(text).map(\.pointer) == pointers)
    }

    @Test func choosesEngines() {
        var settings = ProjectSettings()
        func chosen(_ input: JSONObject) -> [String] { StrategyPlan(of: input, settings: settings, standard: engines.standard).engines }
        #expect(chosen(["prompt": "x"]) == ["local"])
        settings.engines = ["hosted", "local"]
        #expect(chosen(["prompt": "x"]) == ["hosted", "local"])
        #expect(chosen(["engine": "local"]) == ["local"])
        #expect(chosen(["engines": ["local", "hosted"]]) == ["local", "hosted"])
    }
}
