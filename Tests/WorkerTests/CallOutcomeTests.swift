import Domain
import FoundationEssentials
import Testing

@testable import Engines
@testable import Store
@testable import Worker

@Suite struct CallOutcomeTests {
    private let call = OpenCall(resultID: .v7(), engine: "e")

    @Test func aBrokenCallKeepsWhatHadCome() {
        let partial = PartialAnswer(text: "half", usage: TokenUsage(promptTokens: 3, completionTokens: 1))
        let outcome = CallOutcome.failed(call, EngineError(.cancelled, "stopped", partial: partial), after: .seconds(1))
        #expect(outcome.status == .cancelled)
        #expect(outcome.output == ["error": "stopped", "kind": "cancelled", "partial_text": "half"])
        #expect(outcome.tokenUsage == ["prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4])
    }

    @Test func aCallWithoutAnswerKeepsNothing() {
        let outcome = CallOutcome.failed(call, EngineError(.refused, "busy", statusCode: 429), after: .seconds(1))
        #expect(outcome.output == ["error": "busy", "kind": "refused", "status_code": 429])
        #expect(outcome.tokenUsage == nil)
    }

    @Test func aPartialTextIsBounded() {
        let partial = PartialAnswer(text: String(repeating: "é", count: 100_000), usage: nil)
        #expect(partial.text.utf8.count <= 64 << 10)
    }
}
