import Domain
import Testing

@Suite struct TokenEstimateTests {
    @Test func countsTextAndAnswer() {
        let text = String(repeating: "word", count: 100)
        #expect(TokenEstimate.tokens(["prompt": .string(text), "max_tokens": 50]) == 150)
        #expect(TokenEstimate.tokens(["prompt": .string(text)]) == 100 + TokenEstimate.standardAnswer)
        #expect(TokenEstimate.tokens(["prompt": "", "max_completion_tokens": 7]) == 7)
    }

    @Test func countsEveryMessagesText() {
        let text = JSONValue.string(String(repeating: "word", count: 100))
        let input: JSONObject = [
            "messages": [
                ["role": "system", "content": text],
                ["role": "user", "content": [["type": "text", "text": text], ["type": "image_url", "image_url": ["url": text]]]],
                ["role": "assistant", "tool_calls": []],
            ],
            "max_tokens": 10,
        ]
        #expect(TokenEstimate.tokens(input) == 210)
    }

    /// A task that asks three engines costs its project three calls, and each engine one.
    @Test func aRaceCostsEachEngineOneCall() {
        let input: JSONObject = ["prompt": "", "max_tokens": 10, "engines": ["a", "b", "c"], "strategy": "race"]
        #expect(TokenEstimate.tokens(input) == 30)
        #expect(TokenEstimate.tokensOfCall(input) == 10)
    }

    @Test func staysWithinItsRange() {
        #expect(TokenEstimate.tokens([:]) == TokenEstimate.standardAnswer)
        #expect(TokenEstimate.tokens(["max_tokens": 0]) == TokenEstimate.range.lowerBound)
        #expect(TokenEstimate.tokens(["max_tokens": -5, "prompt": 3, "messages": "no"]) == TokenEstimate.range.lowerBound)
        #expect(TokenEstimate.tokens(["max_tokens": .number(JSONNumber(Int.max))]) == TokenEstimate.range.upperBound)
    }
}

@Suite struct MaxConcurrencyTests {
    private func settings(_ value: JSONValue) throws -> ProjectSettings {
        try NewProject(
            reading: ["project_name": "p", "settings": ["max_concurrency": value]], knownEngines: EngineNames(["local"])
        ).settings
    }

    @Test func isAWholeNumberFromOne() throws {
        #expect(try settings(3).maxConcurrency == 3)
        #expect(try settings(nil).maxConcurrency == nil)
        for wrong in [0, -1, 1.5, "3", true, 1_000_001] as [JSONValue] {
            #expect(throws: Problem.self) { try settings(wrong) }
        }
    }

    @Test func isReadFromTheDatabase() {
        #expect(ProjectSettings(stored: ["max_concurrency": 7]).maxConcurrency == 7)
        #expect(ProjectSettings(stored: ["max_concurrency": "many"]).maxConcurrency == nil)
        #expect(ProjectSettings(stored: [:]).maxConcurrency == nil)
    }
}
