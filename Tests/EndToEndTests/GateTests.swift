import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Postgres
import Store
import TestSupport
import Testing

@testable import Operations

/// A fleet of several workers at engines that take only so much.
@Suite(.serialized, .timeLimit(.minutes(10))) struct GateTests {
    private static let minutes = ProcessInfo.processInfo.environment["CHORUS_GATE_MINUTES"].flatMap(Double.init)

    /// 600 requests a minute, four workers: as the engine sees it, never more than the limit and 2 %, and at least 95 % of it.
    ///
    /// The suite measures 25 s; `CHORUS_GATE_MINUTES=3` measures longer, and whole minutes.
    @Test func theFleetKeepsToALimitAndUsesIt() async throws {
        let seconds = Self.minutes.map { $0 * 60 } ?? 25
        try await Fleet.with(engineLatency: "150ms") { fleet in
            try await fleet.applyEngines(["simulated": ["requests_per_minute": 600]])
            try await fleet.withWorkers(4, concurrency: 16, grace: 0.5) {
                let project = try await fleet.makeProject("Limited")
                for _ in 0..<Int((seconds / 60 * 600 + 300) / 500 + 1) { _ = try await fleet.submit(500, to: project) }
                try await eventually("calls flow") { try await fleet.calls() > 20 }
                let samples = try await UsageSample.take(of: fleet, for: seconds)
                for window in [5.0, 20, 60] where window < seconds {
                    let highest = UsageSample.highest(\.calls, in: window, samples)
                    print("limit: \(highest) calls in \(window) s at the most")
                    #expect(Double(highest) <= 10 * (window + 1.2) + 1, "in \(window) s")
                }
                let used = try UsageSample.rate(\.calls, samples) / 10
                print("limit: \(used) of it used over \(seconds) s")
                #expect(used >= 0.95)
                try await expectNoTrouble(fleet)
            }
        }
    }

    /// 30,000 tokens a minute, four workers, answers of several lengths of which most are shorter than what was reserved for them: as the
    /// engine counts, never more than the limit and 2 %, and at least 95 % of it.
    @Test func theFleetKeepsToALimitOfTokensAndUsesIt() async throws {
        let seconds = Self.minutes.map { $0 * 60 } ?? 20
        let (perSecond, longest) = (500.0, 60)
        try await Fleet.with(engineLatency: "150ms") { fleet in
            try await fleet.applyEngines(["simulated": ["tokens_per_minute": 30_000]])
            try await fleet.order("say=\(Array(repeating: "word", count: longest).joined(separator: " "))")
            try await fleet.withWorkers(4, concurrency: 16, grace: 0.5) {
                let project = try await fleet.makeProject("Limited")
                for _ in 0...Int(seconds / 20) {
                    let tasks = (0..<500).map { index -> JSONValue in
                        let limit = JSONValue.number(JSONNumber(20 + index * 37 % 101))
                        return ["task_type": "chat", "input_data": ["prompt": "hello", "max_tokens": limit]]
                    }
                    _ = try await fleet.request(.post, "/v1/projects/\(project)/tasks", .array(tasks))
                }
                try await eventually("calls flow") { try await fleet.calls() > 20 }
                let samples = try await UsageSample.take(of: fleet, for: seconds)
                for window in [5.0, 15, 60] where window < seconds {
                    let highest = UsageSample.highest(\.tokens, in: window, samples)
                    print("limit: \(highest) tokens in \(window) s at the most")
                    #expect(Double(highest) <= perSecond * (window + 1.2) + Double(longest + 1), "in \(window) s")
                }
                let used = try UsageSample.rate(\.tokens, samples) / perSecond
                print("limit: \(used) of the tokens used over \(seconds) s")
                #expect(used >= 0.95)
                let left = try await fleet.count("SELECT count(*) FROM tasks WHERE status IN ('pending', 'in_queue')")
                #expect(left > 0, "there was work for all of it")
                try await expectNoTrouble(fleet)
            }
        }
    }

    private func expectNoTrouble(_ fleet: Fleet) async throws {
        #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'failed' OR retry_count > 0") == 0)
        #expect(try await fleet.engineStats()["errors"] == [:])
        #expect(try await fleet.count("SELECT count(*) FROM results WHERE status NOT IN ('completed', 'pending')") == 0)
    }

    /// For ten seconds the engine answers 429 to all: once the fleet knows, it gets probes only. Then everything runs.
    @Test func aClosedEngineGetsOnlyProbes() async throws {
        try await Fleet.with(engineLatency: "50ms") { fleet in
            try await fleet.withWorkers(4, concurrency: 16) {
                let project = try await fleet.makeProject("Closed")
                _ = try await fleet.submit(500, to: project)
                try await eventually("calls flow") { try await fleet.calls() > 20 }
                try await fleet.order("status=429")
                let start = ContinuousClock.now
                for _ in 0..<4 { _ = try await fleet.submit(500, to: project) }
                try await eventually("the gate is closed and the engine idle", within: .seconds(9), every: .milliseconds(20)) {
                    guard try await fleet.closedGates() == 1 else { return false }
                    return try await fleet.engineStats()["in_flight"] == 0
                }
                let before = try await fleet.calls()
                try await Task.sleep(until: start + .seconds(10), clock: .continuous)
                let probes = try await fleet.calls() - before
                print("closed: \(probes) probes of the whole fleet")
                #expect((1...6).contains(probes))
                try await fleet.order(nil)
                try await eventually("all tasks are completed", within: .seconds(60), every: .milliseconds(100)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 2_500
                }
                #expect(try await fleet.closedGates() == 0)
                #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE retry_count > 0") == 0)
                let (exit, words) = try await fleet.verify()
                #expect(exit == .exited(0), "\(words)")
            }
        }
    }

    /// A project has tasks for two engines, one of which is closed: those of the other run, and `why` says what the rest waits for. A task
    /// that names both goes around the closed one, without a call in the ledger that was never made.
    @Test func aClosedEngineHoldsBackNoOther() async throws {
        try await Fleet.with(engineLatency: "20ms") { fleet in
            try await fleet.applyEngines(["open": [:], "shut": [:]])
            try await fleet.withWorkers(2, concurrency: 8) {
                let project = try await fleet.makeProject("Two engines")
                try await fleet.execute(
                    """
                    INSERT INTO engine_gates (engine, closed_until, closed_reason, closed_message)
                    VALUES ('shut', now() + interval '1 hour', 'rate_limited', 'come back later')
                    """)
                try await fleet.execute("NOTIFY chorus_gates")
                func submit(_ input: JSONValue, _ count: Int) async throws -> [String] {
                    let tasks = (0..<count).map { _ -> JSONValue in ["task_type": "chat", "input_data": input] }
                    let (_, answer) = try await fleet.request(.post, "/v1/projects/\(project)/tasks", .array(tasks))
                    return answer["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
                }
                let waiting = try await submit(["prompt": "hi", "engine": "shut"], 600)
                _ = try await submit(["prompt": "hi", "engine": "open"], 100)
                _ = try await submit(["prompt": "hi", "engines": ["shut", "open"]], 100)
                try await eventually("the others are completed", within: .seconds(30)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 200
                }
                #expect(try await fleet.count("SELECT count(*) FROM results WHERE engine_type <> 'open' OR status <> 'completed'") == 0)
                #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE engine = 'shut' AND attempt > 0") == 0, "none was tried")
                let (_, why) = try await fleet.request(.get, "/v1/tasks/\(try #require(waiting.first))/why")
                #expect(why["reason"] == "engine_closed" && why["engine"] == "shut" && why["until"]?.stringValue != nil, "\(why)")
                let client = ["CHORUS_URL": "http://127.0.0.1:\(fleet.gatewayPort)", "CHORUS_API_KEY": fleet.key.secret]
                let words = try await fleet.output(of: ["task", "why", try #require(waiting.first)], extra: client)
                #expect(
                    words.contains("engine_closed: Its engine 'shut' is closed: it refuses more requests (come back later)."), "\(words)")
                #expect(try await fleet.output(of: ["engines", "list"]).contains("closed until"))
                let (_, engines) = try await fleet.request(.get, "/v1/engines")
                #expect(engines["data"]?[1]?["gate"]?["state"] == "closed", "\(engines)")
                #expect(engines["data"]?[0]?["gate"]?["state"] == "open")
                try await fleet.execute("UPDATE engine_gates SET closed_until = now()")
                try await fleet.execute("NOTIFY chorus_gates")
                try await eventually("a probe opens it, and all run", within: .seconds(60), every: .milliseconds(100)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status <> 'completed'") == 0
                }
                #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE retry_count > 0") == 0)
                let (exit, laws) = try await fleet.verify()
                #expect(exit == .exited(0), "\(laws)")
            }
        }
    }

    /// An engine that fails nearly always is left alone by the whole fleet, but for a probe now and then.
    @Test func failuresBreakTheCircuit() async throws {
        try await Fleet.with(engineLatency: "10ms") { fleet in
            try await fleet.withWorkers(2, concurrency: 16) {
                let project = try await fleet.makeProject("Circuit")
                try await fleet.order("status=500")
                let tasks = (0..<200).map { _ -> JSONValue in ["task_type": "chat", "max_retries": 20, "input_data": ["prompt": "hi"]] }
                _ = try await fleet.request(.post, "/v1/projects/\(project)/tasks", .array(tasks))
                try await eventually("the circuit breaks", within: .seconds(30)) {
                    try await fleet.count("SELECT count(*) FROM engine_gates WHERE closed_reason = 'circuit'") == 1
                }
                try await fleet.order(nil)
                try await eventually("all tasks are completed", within: .seconds(60), every: .milliseconds(100)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 200
                }
                #expect(try await fleet.closedGates() == 0)
            }
        }
    }

    /// The places of a worker that was killed are free again; there were never more calls at once than the limit.
    @Test func aKilledWorkerLeaksNoPlaces() async throws {
        try await Fleet.with(engineLatency: "1500ms") { fleet in
            try await fleet.applyEngines(["simulated": ["concurrency": 4]])
            try await fleet.withWorkers(2, concurrency: 16) {
                let project = try await fleet.makeProject("Places")
                _ = try await fleet.submit(24, to: project)
                let victim = try await fleet.start(["worker"])
                try await eventually("the victim has places", within: .seconds(30)) {
                    try await fleet.count(
                        """
                        SELECT count(*) FROM engine_places JOIN workers USING (worker_id) WHERE process_id = \(Int(victim.pid))
                        """) == 1
                }
                victim.signal(SIGKILL)
                _ = await victim.exit()
                try await eventually("all tasks are completed", within: .seconds(60), every: .milliseconds(100)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 24
                }
                try await eventually("no place is taken") { try await fleet.count("SELECT count(*) FROM engine_places") == 0 }
                let highest = try await fleet.engineStats()["max_in_flight"]?.intValue ?? 0
                #expect((3...4).contains(highest), "\(highest)")
            }
        }
    }
}

/// What the engine had counted at some moment between two times.
struct UsageSample: Sendable {
    var sent: ContinuousClock.Instant
    var received: ContinuousClock.Instant
    var calls: Int
    var tokens: Int

    init(_ fleet: Fleet) async throws {
        sent = .now
        let stats = try await fleet.engineStats()
        received = .now
        calls = stats["calls"]?.intValue ?? -1
        tokens = stats["tokens"]?.intValue ?? -1
    }

    static func take(of fleet: Fleet, for seconds: Double) async throws -> [UsageSample] {
        var samples: [UsageSample] = []
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            samples.append(try await UsageSample(fleet))
            try await Task.sleep(for: .milliseconds(40))
        }
        return samples
    }

    /// The most between two samples that lie no more than that many seconds apart.
    static func highest(_ count: KeyPath<UsageSample, Int>, in seconds: Double, _ samples: [UsageSample]) -> Int {
        var (first, highest) = (0, 0)
        for sample in samples {
            while (sample.received - samples[first].sent) / .seconds(1) > seconds { first += 1 }
            highest = max(highest, sample[keyPath: count] - samples[first][keyPath: count])
        }
        return highest
    }

    /// A second, from the first sample to the last. Gaps in which no sample came are the machine's: slots that pass then are lost.
    static func rate(_ count: KeyPath<UsageSample, Int>, _ samples: [UsageSample]) throws -> Double {
        let (first, last) = (try #require(samples.first), try #require(samples.last))
        let stood = zip(samples, samples.dropFirst()).map { $1.received - $0.received }.filter { $0 > .milliseconds(300) }
        let elapsed = last.sent - first.received - stood.reduce(.zero, +)
        return Double(last[keyPath: count] - first[keyPath: count]) / (elapsed / .seconds(1))
    }
}

extension Fleet {
    /// Engines at the simulated one's address, with these limits; the first name is the default.
    func applyEngines(_ engines: KeyValuePairs<String, JSONObject>) async throws {
        let rows = engines.map { name, limits in
            EngineRow(
                name: name, type: "openai",
                definition: [
                    "name": .string(name), "engine_type": "openai", "base_url": .string("http://127.0.0.1:\(enginePort)/v1"),
                    "model": "simulated", "limits": .object(limits),
                ])
        }
        try await Self.withDatabase(environment["CHORUS_DATABASE_URL"] ?? "") { try await Store($0).applyEngines(rows) }
    }

    /// - Parameter grace: what the processes get to end in, seconds: calls that wait for their turn at a limit may take all of it.
    func withWorkers(_ count: Int, concurrency: Int, grace: Double = 10, _ body: () async throws -> Void) async throws {
        var processes = [try await startGateway()]
        for _ in 0..<count { processes.append(try await start(["worker"], extra: ["CHORUS_WORKER_CONCURRENCY": "\(concurrency)"])) }
        try await eventually("the workers are alive", within: .seconds(30)) {
            try await self.count("SELECT count(*) FROM workers WHERE status = 'alive'") == count
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        for process in processes.reversed() { await process.terminate(grace: .seconds(grace)) }
        try outcome.get()
    }

    func execute(_ statement: PostgresQuery) async throws {
        _ = try await Self.withDatabase(environment["CHORUS_DATABASE_URL"] ?? "") { try await $0.execute(statement) }
    }

    /// What a command says that succeeds.
    func output(of arguments: [String], extra: [String: String] = [:]) async throws -> String {
        let child = try await start(arguments, extra: extra)
        let exit = await child.exit()
        let words = try String(contentsOfFile: child.log.path, encoding: .utf8)
        #expect(exit == .exited(0), "\(arguments): \(words)")
        return words
    }

    func calls() async throws -> Int { try await engineStats()["calls"]?.intValue ?? -1 }

    func closedGates() async throws -> Int { try await count("SELECT count(*) FROM engine_gates WHERE closed_until IS NOT NULL") }

    /// What becomes of the engine's calls until further notice; nil for what becomes of them by themselves.
    func order(_ order: String?) async throws {
        var request = HTTPRequest(
            method: order == nil ? .delete : .put, scheme: "http", authority: "127.0.0.1:\(enginePort)", path: "/order")
        request.headerFields[.contentType] = "text/plain"
        _ = try await session.upload(for: request, from: Array((order ?? "").utf8))
    }
}
