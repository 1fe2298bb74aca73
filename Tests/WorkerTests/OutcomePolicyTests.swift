import Domain
import Engines
import Store
import Testing

@testable import Worker

@Suite struct OutcomePolicyTests {
    private let policy = OutcomePolicy(backoff: RetryBackoff(base: .seconds(1), cap: .seconds(60)))

    private func outcome(_ kind: EngineError.Kind, retries: Int = 0, of max: Int = 3, retryAfter: Duration? = nil) -> TaskOutcome {
        policy.outcome(of: EngineError(kind, "words", retryAfter: retryAfter), retryCount: retries, maxRetries: max, attempt: retries + 1)
    }

    @Test(arguments: [EngineError.Kind.refused, .notSent, .cancelled])
    func whatWasNeverDoneIsFree(kind: EngineError.Kind) {
        guard case .retrying(_, _, let spendsRetry) = outcome(kind, retries: 3) else {
            return #expect(Bool(false), "\(kind) must be retried")
        }
        #expect(!spendsRetry)
    }

    @Test(arguments: [EngineError.Kind.passing, .unknown])
    func aFailureThatMayPassSpendsARetry(kind: EngineError.Kind) {
        guard case .retrying(let message, _, let spendsRetry) = outcome(kind, retries: 2) else { return #expect(Bool(false)) }
        #expect(spendsRetry)
        #expect(message == "words")
        guard case .failed = outcome(kind, retries: 3) else { return #expect(Bool(false), "no retry is left") }
    }

    @Test func anAnswerThatWillNotChangeFailsAtOnce() {
        guard case .failed(let message) = outcome(.permanent) else { return #expect(Bool(false)) }
        #expect(message == "words")
    }

    @Test func retryAfterIsNeverUndercut() {
        for _ in 0..<100 {
            guard case .retrying(_, let delay, _) = outcome(.refused, retryAfter: .seconds(7)) else { return #expect(Bool(false)) }
            #expect((.seconds(7)...(.seconds(8))).contains(delay))
        }
        guard case .retrying(_, let delay, _) = outcome(.refused, retryAfter: .seconds(1_000_000)) else { return #expect(Bool(false)) }
        #expect(delay <= .seconds(3_601), "a provider cannot park a task for days")
    }
}

@Suite(.timeLimit(.minutes(1))) struct SlotsTests {
    @Test func givesNoMoreThanThereAre() {
        let slots = Slots(capacity: 3)
        #expect(slots.take(upTo: 2) == 2)
        #expect(slots.take(upTo: 5) == 1)
        #expect(slots.take(upTo: 1) == 0)
        slots.giveBack(2)
        #expect(slots.free == 2)
    }

    @Test func wakesWhoWaitsForOne() async {
        let slots = Slots(capacity: 1)
        _ = slots.take(upTo: 1)
        async let waiting: Void = slots.waitForFree()
        slots.giveBack()
        await waiting
        #expect(slots.free == 1)
    }

    @Test func theWaitEndsInTime() async {
        let slots = Slots(capacity: 1)
        _ = slots.take(upTo: 1)
        await slots.waitForFree(timeout: .milliseconds(20))
        #expect(slots.free == 0)
    }

    @Test func theWaitEndsWithItsTask() async {
        let slots = Slots(capacity: 1)
        _ = slots.take(upTo: 1)
        let waiting = Task { await slots.waitForFree() }
        waiting.cancel()
        await waiting.value
    }

    @Test func waitsForAll() async {
        let slots = Slots(capacity: 3)
        _ = slots.take(upTo: 3)
        async let waiting: Void = slots.waitForAll()
        for _ in 0..<3 { slots.giveBack() }
        await waiting
        #expect(slots.free == 3)
    }

    @Test func survivesACrowd() async {
        let slots = Slots(capacity: 4)
        let most = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                while slots.take(upTo: 1) == 0 { await slots.waitForFree() }
                group.addTask {
                    await Task.yield()
                    let taken = slots.capacity - slots.free
                    slots.giveBack()
                    return taken
                }
            }
            return await group.reduce(0, max)
        }
        #expect(most <= 4)
        #expect(slots.free == 4)
    }
}
