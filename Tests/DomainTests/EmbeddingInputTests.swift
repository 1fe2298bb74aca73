import Foundation
import Testing

@testable import Domain

/// What callers may say of embeddings.
@Suite struct EmbeddingInputTests {
    private static let engines = EngineNames(
        ["local", "claude", "gem"], types: ["local": .openai, "claude": .anthropic, "gem": .gemini])

    private static func read(_ input: JSONValue, _ engines: EngineNames = engines) throws(Problem) -> NewTask {
        try NewTask(reading: ["task_type": "embedding", "input_data": input], knownEngines: engines)
    }

    private static func pointers(_ input: JSONValue, _ engines: EngineNames = engines) -> [String] {
        do {
            _ = try read(input, engines)
            return []
        } catch {
            #expect(error.status == 422)
            return error.errors.map(\.pointer)
        }
    }

    static let cases: [(JSONValue, [String])] = [
        (["input": "a"], []),
        (["input": ["a", "b"], "model": "m", "dimensions": 256, "encoding_format": "base64", "truncate": true], []),
        (["input": ["a"], "engines": ["local", "gem"], "strategy": "balance"], []),
        (["input": ["a"], "engines": ["local", "gem"], "strategy": "fallback"], []),
        ([:], ["/input"]), (["input": nil], ["/input"]), (["input": ""], ["/input"]), (["input": []], ["/input"]),
        (["input": 5], ["/input"]), (["input": [1, 2]], ["/input/0", "/input/1"]), (["input": ["a", "", nil]], ["/input/1", "/input/2"]),
        (["input": "a", "prompt": "b"], ["/prompt"]), (["input": "a", "messages": []], ["/messages"]),
        (["input": "a", "engine": "nobody"], ["/engine"]), (["input": "a", "engine": "local", "engines": ["gem"]], ["/engine"]),
        (["input": "a", "engines": ["local", "gem"], "strategy": "race"], ["/strategy"]),
        (["input": "a", "engines": ["local", "gem"], "strategy": "ensemble", "judge": "local"], ["/strategy"]),
        (["input": "a", "engines": ["local", "gem"], "judge": "local"], ["/judge"]),
        (["input": "a", "dimensions": 0], ["/dimensions"]), (["input": "a", "encoding_format": "hex"], ["/encoding_format"]),
        (["input": "a", "engine": "claude"], ["/engine"]), (["input": "a", "engines": ["local", "claude"]], ["/engines"]),
    ]

    @Test(arguments: cases) func faultsAreNamed(input: JSONValue, faults: [String]) {
        #expect(Self.pointers(input) == faults.map { "/input_data" + $0 })
    }

    @Test func sizesAreBounded() {
        let many = { (count: Int) in JSONValue.array([JSONValue](repeating: "a", count: count)) }
        #expect(Self.pointers(["input": many(2_048)]) == [])
        #expect(Self.pointers(["input": many(2_049)]) == ["/input_data/input"])
        #expect(Self.pointers(["input": many(100), "engine": "gem"]) == [])
        #expect(Self.pointers(["input": many(101), "engine": "gem"]) == ["/input_data/input"])
        #expect(Self.pointers(["input": .string(String(repeating: "a", count: 1_000_001))]) == ["/input_data/input"])
        let numbers = JSONValue.array([JSONValue](repeating: 1, count: 2_048))
        #expect(Self.pointers(["input": numbers]).count == 100)
    }

    @Test func aProjectsEnginesCountWhereNoneIsNamed() {
        #expect(Self.pointers(["input": "a"], Self.engines.preferring(["claude"])) == ["/input_data/engine"])
        #expect(Self.pointers(["input": "a", "engine": "local"], Self.engines.preferring(["claude"])) == [])
    }

    @Test func theTextsAloneAreTheCost() throws {
        let text = JSONValue.string(String(repeating: "a", count: 400))
        #expect(try Self.read(["input": text]).estimatedTokens == 100)
        #expect(try Self.read(["input": [text, "b", text]]).estimatedTokens == 201)
    }

    @Test func whatWouldAskAllAtOnceAsksInTurn() {
        let settings = ProjectSettings(stored: ["engines": ["a", "b"], "strategy": "race"])
        let plan = StrategyPlan(of: ["input": "x"], settings: settings, standard: nil)
        #expect(plan.inTurn == StrategyPlan(.fallback, engines: ["a", "b"]))
        #expect(StrategyPlan(.balance, engines: ["a", "b"]).inTurn == StrategyPlan(.balance, engines: ["a", "b"]))
    }

    @Test func textsAreTemplates() async throws {
        let child = ChildOutcome(
            id: .v7(), type: "chat", executionOrder: 0, status: .completed, errorMessage: nil, output: ["text": "one"], metadata: nil)
        let tag = "{{#children}}{{output.text}}{{/children}}"
        func rendered(_ input: JSONObject) async throws -> JSONObject? {
            try await TaskTexts.rendered(input, type: "embedding") { [child] }
        }
        #expect(try await rendered(["input": .string("<\(tag)>")]) == ["input": "<one>"])
        #expect(try await rendered(["input": ["plain", .string(tag)]]) == ["input": ["plain", "one"]])
        #expect(try await rendered(["input": ["plain"]]) == nil)
        #expect(try await TaskTexts.rendered(["prompt": "x", "input": .string(tag)], type: "chat") { [child] } == nil)
        #expect(try Self.read(["input": ["a", .string(tag)]]).waitsForChild)
        #expect(Self.pointers(["input": ["a", "{{#children}}"]]) == ["/input_data/input/1"])
    }
}
