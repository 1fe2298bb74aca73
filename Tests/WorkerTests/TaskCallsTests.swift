import Domain
import FoundationEssentials
import Testing

@testable import Engines
@testable import Store
@testable import Worker

@Suite struct TaskCallsTests {
    private static func reply(_ text: String, logprob: Double? = nil) -> EngineAnswer {
        var reply = EngineReply(text: text, model: "m", finishReason: "stop", usage: TokenUsage(promptTokens: 10, completionTokens: 4))
        if let logprob { reply.extras["logprobs"] = ["content": [["token": "x", "logprob": JSONValue(floatLiteral: logprob)]]] }
        return EngineAnswer(reply, engine: "e", modelAskedFor: "m", processingTime: .milliseconds(7))
    }

    private static func ended(_ result: Result<EngineAnswer, EngineError>, price: EnginePrice? = nil) -> TaskCalls.Ended {
        TaskCalls.Ended(
            call: OpenCall(resultID: .v7(), engine: "e"), result: result, duration: .milliseconds(9), price: price)
    }

    @Test func oneEngineAloneHasNothingToTell() {
        var calls = TaskCalls(StrategyPlan(engines: ["a"]))
        calls.add(Self.ended(.success(Self.reply("hi"))), at: 0)
        let chosen = ChosenAnswer(position: 0, confidence: nil)
        #expect(calls.output(of: chosen)?.objectValue?.keys == ["text", "engine", "model", "finish_reason", "usage"])
        let outcome = calls.outcomes(chosen: chosen)[0]
        #expect(outcome.isChosen == nil && outcome.confidence == nil && outcome.processingTime == 7)
    }

    @Test func aCallTellsWhatItCost() {
        var calls = TaskCalls(StrategyPlan(engines: ["a"]))
        calls.add(
            Self.ended(.success(Self.reply("hi", logprob: 0)), price: EnginePrice(promptPerMillion: 0.15, completionPerMillion: 0.6)), at: 0
        )
        let outcome = calls.outcomes(chosen: ChosenAnswer(position: 0, confidence: 1))[0]
        #expect(outcome.tokenUsage?["cost_micro_usd"] == 4, "10 × 0.15 + 4 × 0.6 = 3.9 millionths")
        #expect(outcome.tokenUsage?["total_tokens"] == 14)
        #expect(outcome.confidence == 1)
    }

    /// Two answers of a race came at the same moment: one is chosen, and the ledger says which.
    @Test func whatCameTooIsPassedOver() {
        var calls = TaskCalls(StrategyPlan(.race, engines: ["a", "b", "c"]))
        calls.add(Self.ended(.success(Self.reply("first"))), at: 1)
        calls.add(Self.ended(.success(Self.reply("second"))), at: 0)
        calls.add(Self.ended(.failure(EngineError(.cancelled, "stopped"))), at: 2)
        let outcomes = calls.outcomes(chosen: ChosenAnswer(position: 1, confidence: nil))
        #expect(outcomes.map(\.status) == [.completed, .completed, .cancelled])
        #expect(outcomes.map(\.isChosen) == [false, true, nil])
        #expect(outcomes[2].output["error"] == "Another engine answered first (stopped).")
        #expect(calls.outcomes().map(\.isChosen) == [nil, nil, nil], "nothing is chosen yet")
    }

    /// A call that was not made leaves no row; where none was made, the task waits for the first engine to open.
    @Test func whatWasHeldBackLeavesTheLedger() {
        var calls = TaskCalls(StrategyPlan(engines: ["a", "b", "c"]))
        calls.add(Self.ended(.failure(EngineError(.held, "late", retryAfter: .seconds(9)))), at: 0)
        calls.add(Self.ended(.failure(EngineError(.held, "soon", retryAfter: .seconds(1)))), at: 1)
        #expect(calls.outcomes().map(\.wasMade) == [false, false])
        #expect(calls.deciding(at: 0)?.message == "soon")
        calls.add(Self.ended(.failure(EngineError(.passing, "HTTP 500"))), at: 2)
        #expect(calls.outcomes().map(\.wasMade) == [false, false, true])
        #expect(calls.deciding(at: 2)?.message == "HTTP 500")
        #expect(CallFailure(.held) < CallFailure(.passing), "work that failed has the say")
    }

    @Test func theOutputTellsHowItWasComeBy() {
        var calls = TaskCalls(StrategyPlan(.ensemble, engines: ["a", "b"]))
        calls.add(Self.ended(.success(Self.reply("x"))), at: 0)
        calls.add(Self.ended(.success(Self.reply("y"))), at: 1)
        let output = calls.output(
            of: ChosenAnswer(position: 1, confidence: 0.5, agreeing: [1], asked: 2, answered: 2, choice: .judge, reason: "So."))
        #expect(output?["text"] == "y" && output?["strategy"] == "ensemble" && output?["confidence_score"] == 0.5)
        #expect(output?["agreement"] == ["agreeing": ["b"], "asked": 2, "answered": 2, "chosen_by": "judge", "reason": "So."])
    }
}
