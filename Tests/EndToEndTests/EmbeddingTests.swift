import Domain
import Foundation
import HTTPTypes
import Operations
import Postgres
import TestSupport
import Testing

/// Embeddings from the request to the ledger.
@Suite(.timeLimit(.minutes(3))) struct EmbeddingTests {
    /// The project races its engines, which vectors cannot do: they ask one after the other.
    @Test func textsBecomeVectors() async throws {
        let settings: JSONValue = ["engines": ["a", "b"], "strategy": "race"]
        try await EngineFarm.with(["a": ["--latency", "1ms"], "b": ["--latency", "1ms"]], settings: settings) { farm in
            let worker = try await farm.startWorker()
            func submit(_ task: JSONValue) async throws -> JSONValue {
                try await farm.fleet.request(.post, "/v1/projects/\(farm.project)/tasks", task).1
            }
            let refused = try await submit([
                "task_type": "embedding", "input_data": ["input": "x", "engines": ["a", "b"], "strategy": "race"],
            ])
            #expect(refused["errors"]?[0]?["pointer"] == "/input_data/strategy", "\(refused)")

            try await farm.order("a", "status=500")
            let answer = try await submit([
                "task_type": "embedding",
                "input_data": ["input": ["{{#children}}{{output.text}}{{/children}}", "plain"], "dimensions": 8],
                "children": [["task_type": "chat", "input_data": ["prompt": "Hello", "engine": "b"]]],
            ])
            let id = try #require(answer["task_id"]?.stringValue, "\(answer)")
            let output = try await farm.ended(id)["output_data"]
            #expect(
                output?["engine"] == "b" && output?["strategy"] == "fallback" && output?["text"] == nil, "\(String(describing: output))")
            #expect(output?["embeddings"]?.arrayValue?.map { $0.arrayValue?.count } == [8, 8])
            // "Simulated answer to: Hello" and "plain".
            #expect(output?["usage"] == ["total_tokens": 5, "prompt_tokens": 5, "completion_tokens": 0])
            let rows = try await farm.results(id)
            #expect(rows["a"]?.map { $0["status"] } == ["failed"] && rows["b"]?.map { $0["status"] } == ["completed"])
            #expect(rows["b"]?.first?["token_usage"]?["cost_micro_usd"] == 5)
            let listed = try await farm.fleet.request(.get, "/v1/projects/\(farm.project)/tasks?task_type=embedding").1
            #expect(listed["data"]?.arrayValue?.count == 1)
            let (exit, said) = try await farm.fleet.verify()
            #expect(exit == .exited(0), "\(said)")
            await worker.terminate(grace: .seconds(30))
        }
    }

    /// The gate of an engine counts what vectors cost, closes when the engine says that it is busy, and `why` says which of both it is.
    @Test func gatesHoldForVectorsToo() async throws {
        try await Fleet.with(engineLatency: "10ms") { fleet in
            try await fleet.applyEngines(["simulated": ["tokens_per_minute": 600]])
            try await fleet.withWorkers(1, concurrency: 8) {
                let project = try await fleet.makeProject("Vectors")
                // Words of four bytes, which are as many tokens by the estimate as by the engine's count.
                let text = JSONValue.string(String(repeating: "abc ", count: 30))
                let tasks = [JSONValue](repeating: ["task_type": "embedding", "input_data": ["input": text]], count: 12)
                let (_, answer) = try await fleet.request(.post, "/v1/projects/\(project)/tasks", .array(tasks))
                let ids = answer["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
                #expect(ids.count == 12, "\(answer)")
                /// Of one of those that wait, as most of them do.
                func isTold(_ condition: (JSONValue) -> Bool) async throws -> Bool {
                    for id in ids where condition(try await fleet.request(.get, "/v1/tasks/\(id)/why").1) { return true }
                    return false
                }

                try await eventually("some have run") { try await fleet.calls() >= 2 }
                let samples = try await UsageSample.take(of: fleet, for: 4)
                // Ten a second, and one task's at once.
                #expect(UsageSample.highest(\.tokens, in: 3, samples) <= 10 * (3 + 1) + 30)
                try await eventually("the limit is what holds one", within: .seconds(20)) {
                    try await isTold { $0["reason"] == "engine_limit" }
                }

                try await fleet.order("status=429;retry-after=4")
                try await eventually("the gate is closed", within: .seconds(20)) { try await fleet.closedGates() == 1 }
                try await eventually("the engine is what holds one", within: .seconds(20)) {
                    try await isTold { $0["reason"] == "engine_closed" && $0["engine"] == "simulated" && $0["until"]?.stringValue != nil }
                }

                try await fleet.order(nil)
                try await fleet.applyEngines(["simulated": [:]])
                try await eventually("a probe opens it, and all run", within: .seconds(60)) {
                    try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 12
                }
                #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE retry_count > 0") == 0)
                let (exit, said) = try await fleet.verify()
                #expect(exit == .exited(0), "\(said)")
            }
        }
    }
}
