import Domain
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct ResponseFormatTests {
    private func fault(_ text: String, reason: String? = "stop", extras: JSONObject = [:], format: String = "json_object") -> EngineError? {
        let reply = EngineReply(
            text: text, finishReason: reason, usage: TokenUsage(promptTokens: 1, completionTokens: 2), extras: extras)
        return ResponseFormat.fault(in: reply, askedFor: ["response_format": ["type": .string(format)]])
    }

    @Test func whatIsAskedToBeJSONIsJSON() {
        #expect(fault(#"{"a": 1}"#) == nil)
        #expect(fault("words", format: "text") == nil)
        #expect(fault("words", format: "json_schema")?.kind == .passing)
        #expect(fault("words")?.partial == PartialAnswer(text: "words", usage: TokenUsage(promptTokens: 1, completionTokens: 2)))
        #expect(fault(#"{"a": "#, reason: "length")?.kind == .permanent, "it would be cut there again")
    }

    @Test func whatIsNoAnswerNeedNotBe() {
        #expect(fault("", extras: ["tool_calls": [[:]]]) == nil)
        #expect(fault("", extras: ["refusal": "no"]) == nil)
        #expect(fault("", reason: "content_filter") == nil)
    }
}
