import Domain
import Operations
import Testing

@testable import Engines

/// Every format against an engine that speaks it, as a stream and in one piece.
@Suite(.timeLimit(.minutes(1))) struct FormatsOverHTTPTests {
    private static let ways = EngineType.allCases.flatMap { type in [true, false].map { (type, $0) } }

    @Test(arguments: ways) func anAnswerIsTheContracts(type: EngineType, streams: Bool) async throws {
        try await withSimulatedEngine { simulated in
            let engine = try simulated.engine(type, streams: streams)
            let answer = try await engine.call(["prompt": "one two three"])
            #expect(
                answer.outputData == [
                    "text": "Simulated answer to: one two three", "engine": "simulated", "model": "model-a", "finish_reason": "stop",
                    "usage": ["prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9],
                ])
            let short = try await engine.call(["prompt": "one two three", "max_tokens": 2])
            #expect(short.text == "Simulated answer")
            #expect(short.finishReason == "length")
            try await engine.probe()
        }
    }

    @Test(arguments: ways) func jsonComesAsJSON(type: EngineType, streams: Bool) async throws {
        try await withSimulatedEngine { simulated in
            let schema: JSONValue = ["type": "json_schema", "json_schema": ["name": "a", "schema": ["type": "object"]]]
            let answer = try await simulated.engine(type, streams: streams).call(["prompt": "x", "response_format": schema])
            #expect(try JSONValue(parsing: answer.text) == ["answer": "Simulated answer to: x"])
        }
    }

    @Test(arguments: ways.filter { $0.0 != .anthropic }) func logprobsAreATokenEach(type: EngineType, streams: Bool) async throws {
        try await withSimulatedEngine { simulated in
            let answer = try await simulated.engine(type, streams: streams).call(["prompt": "x", "logprobs": true])
            let tokens = answer.outputData["logprobs"]?["content"]?.arrayValue ?? []
            #expect(tokens.compactMap { $0["token"]?.stringValue }.joined() == "Simulated answer to: x")
            #expect(tokens.allSatisfy { $0["logprob"] == -0.25 })
        }
    }

    @Test func aSlowStreamIsNoIdleOne() async throws {
        try await withSimulatedEngine(SimulatedEngineConfiguration(tokensPerSecond: 20)) { simulated in
            let limits = EngineLimits(firstByteTimeout: .seconds(10), idleTimeout: .seconds(10))
            let answer = try await simulated.engine(limits: limits).call(["prompt": "one two three"])
            #expect(answer.text == "Simulated answer to: one two three")
            #expect(answer.processingTime > .milliseconds(250))
        }
    }
}
