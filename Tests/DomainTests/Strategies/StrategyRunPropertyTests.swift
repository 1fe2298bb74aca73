import Domain
import Testing

@testable import Operations

/// Random strategies, answers, failures and stops, in random orders: what must hold whatever happens.
@Suite struct StrategyRunPropertyTests {
    /// What a call ends with, if it is not stopped before.
    private enum Fate {
        case answer(StrategyAnswer)
        case failure(CallFailure)
    }

    /// What was seen of one run.
    private struct Trace {
        var asked: [Int] = []
        var ended: [Int] = []
        var answered: Set<Int> = []
        var failed: [Int: CallFailure] = [:]
        var cancelled: Set<Int> = []
        var isStopped = false
        var ending: StrategyRun.Ending?
    }

    private static func plan(_ dice: inout SplitMix64) -> StrategyPlan {
        let strategy = Strategy.allCases.randomElement(using: &dice) ?? .race
        let choice = EnsembleChoice.allCases.randomElement(using: &dice) ?? .judge
        let count = Int.random(in: 1...16, using: &dice)
        return StrategyPlan(
            strategy, engines: (0..<count).map { "e\($0)" }, choice: choice, judge: choice == .judge ? "judge" : nil)
    }

    private static func fates(_ count: Int, _ dice: inout SplitMix64) -> [Fate] {
        let share = Double.random(in: 0...1, using: &dice)
        return (0..<count).map { _ in
            guard Double.random(in: 0..<1, using: &dice) < share else {
                return .failure([CallFailure.permanent, .free, .passing].randomElement(using: &dice) ?? .passing)
            }
            let text = "answer \(Int.random(in: 0...3, using: &dice))"
            let confidence = Bool.random(using: &dice) ? Double.random(in: 0...1, using: &dice) : nil
            return .answer(StrategyAnswer(meaning: AnswerMeaning(of: ["text": .string(text)]), confidence: confidence))
        }
    }

    /// Plays a run as a shell would: calls end in any order, stopped ones mostly with a failure. `stop` is the share of runs that are.
    private static func play(_ plan: StrategyPlan, _ fates: [Fate], stop: Double, _ dice: inout SplitMix64) -> Trace {
        var run = StrategyRun(plan, order: plan.strategy == .balance ? plan.engines.indices.shuffled(using: &dice) : nil)
        var trace = Trace()
        var open: Set<Int> = []
        let stopsAfter = Double.random(in: 0..<1, using: &dice) < stop ? Int.random(in: 0...fates.count, using: &dice) : .max
        var action = run.begin()
        while trace.ending == nil {
            switch action {
            case .ask(let positions):
                #expect(trace.cancelled.isEmpty && !trace.isStopped, "nothing is asked once the others are stopped")
                #expect(Set(positions).isDisjoint(with: trace.asked), "each engine once")
                trace.asked += positions
                open.formUnion(positions)
            case .cancel(let positions):
                #expect(Set(positions) == open, "all others are stopped, and no one else")
                trace.cancelled.formUnion(positions)
            case .judge(let candidates):
                #expect(open.isEmpty && Set(candidates) == trace.answered && candidates == candidates.sorted())
                let choice = Int.random(in: 0...candidates.count + 1, using: &dice)
                action = run.judged(Bool.random(using: &dice) ? nil : JudgeVerdict(choice: choice))
                continue
            case .wait: #expect(!open.isEmpty, "somebody must end the wait")
            case .finish(let ending):
                trace.ending = ending
                continue
            }
            if trace.ended.count >= stopsAfter, !trace.isStopped {
                trace.isStopped = true
                action = run.stop()
                continue
            }
            guard let position = open.randomElement(using: &dice) else {
                #expect(Bool(false), "a run that waits for nothing")
                break
            }
            open.remove(position)
            trace.ended.append(position)
            let isLate = trace.cancelled.contains(position) && Int.random(in: 0..<10, using: &dice) > 0
            switch isLate ? .failure(.stopped) : fates[position] {
            case .answer(let answer):
                trace.answered.insert(position)
                action = run.answered(position, answer)
            case .failure(let failure):
                trace.failed[position] = failure
                action = run.failed(position, failure)
            }
        }
        #expect(open.isEmpty, "a run that finished left calls behind")
        return trace
    }

    @Test func everyRunKeepsItsPromises() {
        for seed in 0..<20_000 as Range<UInt64> {
            var dice = SplitMix64(state: seed)
            let plan = Self.plan(&dice)
            let fates = Self.fates(plan.engines.count, &dice)
            let trace = Self.play(plan, fates, stop: 0.2, &dice)
            #expect(trace.ended.sorted() == trace.asked.sorted(), "seed \(seed): every engine that was asked ended once")
            Self.check(trace, plan, seed)
        }
    }

    private static func check(_ trace: Trace, _ plan: StrategyPlan, _ seed: UInt64) {
        switch trace.ending {
        case .answer(let chosen)?:
            #expect(trace.answered.contains(chosen.position), "seed \(seed): a given answer")
            if plan.strategy == .ensemble {
                #expect(chosen.agreeing.contains(chosen.position) && Set(chosen.agreeing).isSubset(of: trace.answered), "seed \(seed)")
                #expect(chosen.answered == trace.answered.count && chosen.asked == plan.engines.count, "seed \(seed)")
                #expect((0...1).contains(chosen.confidence ?? -1), "seed \(seed)")
            } else if let first = trace.ended.first(where: trace.answered.contains) {
                #expect(chosen.position == first, "seed \(seed): the first answer")
            }
        case .failure(let position)?:
            #expect(plan.strategy == .ensemble && trace.isStopped || trace.answered.isEmpty, "seed \(seed): only when all failed")
            #expect(trace.failed[position] == trace.failed.values.max(), "seed \(seed): what may pass decides")
        case .stopped?: #expect(trace.isStopped && trace.asked.isEmpty, "seed \(seed)")
        case nil: #expect(Bool(false), "seed \(seed)")
        }
        if !trace.isStopped, plan.strategy.asksAll { #expect(trace.asked.count == plan.engines.count, "seed \(seed)") }
    }

    /// Whatever the order in which answers come, an ensemble without a judge chooses the same one.
    @Test func theOrderOfArrivalChangesNothing() {
        for seed in 0..<2_000 as Range<UInt64> {
            var dice = SplitMix64(state: seed)
            var plan = Self.plan(&dice)
            plan.strategy = .ensemble
            if plan.choice == .judge { plan.choice = .agreement }
            let fates = Self.fates(plan.engines.count, &dice)
            let endings = (0..<6).map { _ in Self.play(plan, fates, stop: 0, &dice).ending }
            #expect(endings.allSatisfy { $0 == endings[0] }, "seed \(seed)")
        }
    }
}
