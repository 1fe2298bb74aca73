import Domain
import Foundation
import HTTPTypes
import Operations
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
}
