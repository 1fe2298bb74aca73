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

    /// Nothing was done: the task waits for the engine to open.
    @Test func whatWasHeldBackIsFree() {
        let late = EngineError(.held, "late", retryAfter: .seconds(9))
        guard case .retrying(_, let delay, spendsRetry: false) = policy.outcome(of: late, retryCount: 3, maxRetries: 3, attempt: 1) else {
            return #expect(Bool(false), "it is free")
        }
        #expect((.seconds(9) ... .seconds(10)).contains(delay))
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

    @Test func freeTriesSlowDown() {
        let longest = (1...40).map { attempt in
            (0..<50).map { _ in
                guard
                    case .retrying(_, let delay, false) = policy.outcome(
                        of: EngineError(.refused, "busy"), retryCount: 0, maxRetries: 0, attempt: attempt)
                else { return Duration.zero }
                return delay
            }.max() ?? .zero
        }
        #expect(longest[0] <= .seconds(1))
        #expect(longest[39] > .seconds(10) && longest[39] <= .seconds(60), "however often, it is tried at a pace")
    }

    @Test(arguments: [EngineError.Kind.notSent, .refused, .passing, .unknown])
    func aDeadlineEndsTheTries(kind: EngineError.Kind) {
        func outcome(timeLeft: Duration, retryAfter: Duration? = nil) -> TaskOutcome {
            policy.outcome(
                of: EngineError(kind, "words", retryAfter: retryAfter), retryCount: 0, maxRetries: 3, attempt: 1, timeLeft: timeLeft)
        }
        guard case .failed("The deadline passed while it ran: words") = outcome(timeLeft: .zero) else {
            return #expect(Bool(false), "it has passed")
        }
        guard case .failed("words (the deadline leaves no time for another try)") = outcome(timeLeft: .seconds(5), retryAfter: .seconds(6))
        else { return #expect(Bool(false), "the next try would be too late") }
        guard case .retrying = outcome(timeLeft: .seconds(60)) else { return #expect(Bool(false), "there is time") }
        #expect(!policy.mayFallBack(after: EngineError(kind, "words"), timeLeft: .zero))
        #expect(policy.mayFallBack(after: EngineError(kind, "words")))
    }

    @Test func aDeadlineDoesNotChangeWhatIsFinalOrHandedBack() {
        guard
            case .failed("words") = policy.outcome(
                of: EngineError(.permanent, "words"), retryCount: 0, maxRetries: 3, attempt: 1, timeLeft: .zero)
        else { return #expect(Bool(false)) }
        guard
            case .retrying = policy.outcome(
                of: EngineError(.cancelled, "words"), retryCount: 0, maxRetries: 3, attempt: 1, timeLeft: .zero)
        else { return #expect(Bool(false)) }
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

    @Test func areMoreOrFewerLater() async {
        let slots = Slots(capacity: 2)
        #expect(slots.take(upTo: 5) == 2)
        async let waiting: Void = slots.waitForFree()
        slots.resize(to: 3)
        await waiting
        #expect(slots.take(upTo: 5) == 1)
        slots.resize(to: 1)
        slots.giveBack(2)
        #expect(slots.free == 0 && slots.take(upTo: 1) == 0, "one is still taken, and there is only one")
        async let all: Void = slots.waitForAll()
        slots.giveBack()
        await all
        #expect(slots.free == 1 && slots.capacity == 1)
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
