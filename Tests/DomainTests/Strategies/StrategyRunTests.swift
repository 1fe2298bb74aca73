import Domain
import Testing

@Suite struct StrategyRunTests {
    private static func run(_ strategy: Strategy, _ count: Int, choice: EnsembleChoice = .agreement, judge: String? = nil) -> StrategyRun {
        StrategyRun(StrategyPlan(strategy, engines: (0..<count).map { "e\($0)" }, choice: choice, judge: judge))
    }

    private static func answer(_ text: String, confidence: Double? = nil) -> StrategyAnswer {
        StrategyAnswer(meaning: AnswerMeaning(of: ["text": .string(text)]), confidence: confidence)
    }

    @Test func fallbackGoesOnUntilOneAnswers() {
        var run = Self.run(.fallback, 3)
        #expect(run.begin() == .ask([0]))
        #expect(run.failed(0, .permanent) == .ask([1]))
        #expect(run.failed(1, .passing) == .ask([2]))
        #expect(run.answered(2, StrategyAnswer(confidence: 0.5)) == .finish(.answer(ChosenAnswer(position: 2, confidence: 0.5))))
    }

    @Test func fallbackEndsWhereItMayNotGoOn() {
        var run = Self.run(.fallback, 3)
        #expect(run.begin() == .ask([0]))
        #expect(run.failed(0, .passing, mayGoOn: false) == .finish(.failure(0)))
    }

    /// A failure that may pass has the say over one that will not, wherever it stands.
    @Test func whatMayPassDecides() {
        var run = Self.run(.fallback, 3)
        _ = run.begin()
        _ = run.failed(0, .permanent)
        _ = run.failed(1, .passing)
        #expect(run.failed(2, .free) == .finish(.failure(1)))
        var other = Self.run(.race, 3)
        _ = other.begin()
        _ = other.failed(2, .free)
        _ = other.failed(1, .permanent)
        #expect(other.failed(0, .free) == .finish(.failure(0)), "the first named of those that mean the same")
    }

    @Test func balanceAsksInTheOrderOfLoad() {
        var run = StrategyRun(StrategyPlan(.balance, engines: ["a", "b", "c"]), order: [2, 0, 1])
        #expect(run.begin() == .ask([2]))
        #expect(run.failed(2, .free) == .ask([0]))
        #expect(run.answered(0, StrategyAnswer()) == .finish(.answer(ChosenAnswer(position: 0, confidence: nil))))
    }

    @Test func aRaceStopsTheOthers() {
        var run = Self.run(.race, 3)
        #expect(run.begin() == .ask([0, 1, 2]))
        #expect(run.failed(0, .passing) == .wait)
        #expect(run.answered(2, StrategyAnswer()) == .cancel([1]))
        #expect(run.failed(1, .stopped) == .finish(.answer(ChosenAnswer(position: 2, confidence: nil))))
    }

    @Test func aSecondAnswerAtTheSameMomentChangesNothing() {
        var run = Self.run(.race, 2)
        _ = run.begin()
        #expect(run.answered(1, StrategyAnswer()) == .cancel([0]))
        #expect(run.answered(0, StrategyAnswer()) == .finish(.answer(ChosenAnswer(position: 1, confidence: nil))))
        #expect(run.answered(0, StrategyAnswer()) == .wait, "an event that came twice")
        #expect(run.failed(7, .passing) == .wait)
    }

    @Test func anEnsembleTakesTheLargestCluster() {
        var run = Self.run(.ensemble, 4)
        _ = run.begin()
        _ = run.answered(3, Self.answer("Paris."))
        _ = run.answered(0, Self.answer("Lyon", confidence: 0.99))
        _ = run.failed(2, .permanent)
        guard case .finish(.answer(let chosen)) = run.answered(1, Self.answer("paris")) else { return #expect(Bool(false)) }
        #expect(chosen.position == 1 && chosen.agreeing == [1, 3] && chosen.asked == 4 && chosen.answered == 3)
        #expect(chosen.confidence == 0.5, "two of four that were asked")
        #expect(
            chosen.agreement(among: ["a", "b", "c", "d"]) == [
                "agreeing": ["b", "d"], "asked": 4, "answered": 3, "chosen_by": "agreement", "reason": "2 of 3 answers agree.",
            ])
    }

    @Test func tiesGoToTheSurerThenToTheFirst() {
        func chosen(_ confidences: [Double?]) -> Int? {
            var run = Self.run(.ensemble, confidences.count)
            _ = run.begin()
            var last = StrategyRun.Action.wait
            for (position, confidence) in confidences.enumerated() {
                last = run.answered(position, Self.answer("answer \(position)", confidence: confidence))
            }
            guard case .finish(.answer(let chosen)) = last else { return nil }
            return chosen.position
        }
        #expect(chosen([nil, nil, nil]) == 0)
        #expect(chosen([0.2, 0.7, 0.5]) == 1)
        #expect(chosen([nil, 0.1, nil]) == 1)
        #expect(chosen([0.4, 0.4]) == 0)
    }

    @Test func theSurestIsChosenWhereThatIsAskedFor() {
        var run = Self.run(.ensemble, 3, choice: .confidence)
        _ = run.begin()
        _ = run.answered(0, Self.answer("a", confidence: 0.3))
        _ = run.answered(1, Self.answer("a", confidence: 0.4))
        guard case .finish(.answer(let chosen)) = run.answered(2, Self.answer("b", confidence: 0.9)) else { return #expect(Bool(false)) }
        #expect(chosen.position == 2 && chosen.choice == .confidence && chosen.confidence == 0.9)
        var blind = Self.run(.ensemble, 3, choice: .confidence)
        _ = blind.begin()
        _ = blind.answered(0, Self.answer("b"))
        _ = blind.answered(1, Self.answer("a"))
        guard case .finish(.answer(let fallback)) = blind.answered(2, Self.answer("a")) else { return #expect(Bool(false)) }
        #expect(fallback.position == 1 && fallback.choice == .agreement, "nobody knows how sure it was")
    }

    private static func judgedRun() -> StrategyRun {
        var run = Self.run(.ensemble, 4, choice: .judge, judge: "j")
        _ = run.begin()
        _ = run.answered(3, answer("x"))
        _ = run.answered(2, answer("y"))
        _ = run.failed(1, .passing)
        #expect(run.answered(0, answer("x")) == .judge([0, 2, 3]))
        return run
    }

    @Test func aJudgeChooses() {
        guard case .finish(.answer(let chosen)) = Self.judgedRun().judged(JudgeVerdict(choice: 2, reason: "It is right.")) else {
            return #expect(Bool(false))
        }
        #expect(chosen.position == 2 && chosen.choice == .judge && chosen.reason == "It is right." && chosen.agreeing == [2])
        #expect(chosen.confidence == 0.25)
    }

    @Test(arguments: [nil, JudgeVerdict(choice: 4), JudgeVerdict(choice: 0), JudgeVerdict(choice: .max), JudgeVerdict(choice: .min + 1)])
    func aVerdictThatCannotBeUsedLeavesItToAgreement(verdict: JudgeVerdict?) {
        guard case .finish(.answer(let chosen)) = Self.judgedRun().judged(verdict) else { return #expect(Bool(false)) }
        #expect(chosen.position == 0 && chosen.choice == .agreement && chosen.agreeing == [0, 3])
        #expect(chosen.reason.hasPrefix("The judge gave no usable verdict."))
    }

    @Test func oneAnswerNeedsNoJudge() {
        var run = Self.run(.ensemble, 2, choice: .judge, judge: "j")
        _ = run.begin()
        _ = run.failed(0, .passing)
        guard case .finish(.answer(let chosen)) = run.answered(1, Self.answer("x")) else { return #expect(Bool(false)) }
        #expect(chosen.position == 1 && chosen.confidence == 0.5)
    }

    @Test func anEnsembleThatWasStoppedIsHandedBack() {
        var run = Self.run(.ensemble, 2)
        _ = run.begin()
        _ = run.answered(0, Self.answer("x"))
        #expect(run.stop() == .cancel([1]))
        #expect(run.failed(1, .stopped) == .finish(.failure(1)))
        var unbegun = Self.run(.race, 2)
        #expect(unbegun.stop() == .finish(.stopped))
        #expect(unbegun.begin() == .finish(.stopped))
    }
}
