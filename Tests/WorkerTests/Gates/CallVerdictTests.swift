import Domain
import Engines
import Store
import Testing

@testable import Worker

/// What a call's end says of its engine, and what it used of its tokens.
@Suite struct CallVerdictTests {
    private func verdict(_ error: EngineError) -> CallVerdict { CallVerdict(.failure(error), slowness: .seconds(90)) }

    @Test func eachKindOfFailureSaysWhatTheEngineIs() {
        for kind in EngineError.Kind.allCases {
            let said = verdict(EngineError(kind, "words"))
            switch kind {
            case .permanent: #expect(said == .works, "the task is at fault")
            case .cancelled, .held: #expect(said == .stopped)
            case .refused: #expect(said == .refused(.overloaded, pause: nil, message: "words"))
            case .passing, .notSent, .unknown: #expect(said == .failed(message: "words"))
            }
        }
        let limited = EngineError(.refused, "words", statusCode: 429, retryAfter: .seconds(7))
        #expect(verdict(limited) == .refused(.rateLimited, pause: .seconds(7), message: "words"))
        #expect(verdict(EngineError(.refused, "words", statusCode: 529)) == .refused(.overloaded, pause: nil, message: "words"))
    }

    /// A broken call may have used what it had counted; one that was not made used nothing; of the rest nobody knows.
    @Test func whatWasUsedIsSettled() {
        func used(_ error: EngineError) -> Int? { (.failure(error) as Result<EngineAnswer, EngineError>).tokensUsed }
        let partial = PartialAnswer(text: "so far", usage: TokenUsage(promptTokens: 3, completionTokens: 4))
        #expect(used(EngineError(.unknown, "", partial: partial)) == 7)
        #expect(used(EngineError(.unknown, "")) == nil)
        #expect(used(EngineError(.permanent, "", wasSent: false)) == 0)
        for kind in [EngineError.Kind.refused, .notSent, .held] { #expect(used(EngineError(kind, "")) == 0) }
    }
}
