/// One attempt of a task over its engines: pure. Engines are named by their positions in the plan.
///
/// ```
/// begin ──▶ ask ──▶ wait … ──▶ cancel ──▶ wait … ──▶ finish        race
///           ask ──▶ ask ──▶ …                    ──▶ finish        fallback, balance
///           ask ──▶ wait … ──▶ judge ────────────▶ finish          ensemble
/// ```
///
/// Every call that was asked for ends with one event, `answered` or `failed`, cancelled ones too; a second event for the same call changes
/// nothing.
public struct StrategyRun: Sendable {
    public enum Action: Sendable, Hashable {
        /// Ask these engines now.
        case ask([Int])
        /// Stop these calls; each still ends with an event.
        case cancel([Int])
        /// Calls are under way.
        case wait
        /// Ask the judge about these answers; `judged` follows.
        case judge([Int])
        case finish(Ending)
    }

    public enum Ending: Sendable, Hashable {
        case answer(ChosenAnswer)
        /// This engine's failure decides what becomes of the task.
        case failure(Int)
        /// Stopped before any engine was asked.
        case stopped
    }

    /// What is known of one engine's call.
    private enum Call: Sendable {
        /// Can transition to `running`.
        case idle
        /// Can transition to `answered` and `failed`.
        case running
        case answered(StrategyAnswer)
        case failed(CallFailure)
    }

    public let plan: StrategyPlan
    /// The positions in the order in which they are asked, one at a time.
    private let order: [Int]
    private var calls: [Call]
    private var winner: Int?
    private var isStopped = false

    /// - Parameter order: positions, the best first; the plan's own order if nil.
    public init(_ plan: StrategyPlan, order: [Int]? = nil) {
        self.plan = plan
        self.order = order ?? Array(plan.engines.indices)
        calls = Array(repeating: .idle, count: plan.engines.count)
    }

    public mutating func begin() -> Action {
        guard !isStopped else { return .finish(ending) }
        return ask(plan.strategy.asksAll ? order : Array(order.prefix(1)))
    }

    public mutating func answered(_ position: Int, _ answer: StrategyAnswer) -> Action {
        guard isRunning(position) else { return .wait }
        calls[position] = .answered(answer)
        guard plan.strategy != .ensemble else { return next }
        if winner == nil {
            winner = position
            if !running.isEmpty { return .cancel(running) }
        }
        return next
    }

    /// - Parameter mayGoOn: whether another engine may be asked within this attempt.
    public mutating func failed(_ position: Int, _ failure: CallFailure, mayGoOn: Bool = true) -> Action {
        guard isRunning(position) else { return .wait }
        calls[position] = .failed(failure)
        if !plan.strategy.asksAll, winner == nil, mayGoOn, !isStopped, let successor = order.first(where: isIdle) {
            return ask([successor])
        }
        return next
    }

    /// Nothing more is asked: the task is somebody else's, the worker drains, or the time is over.
    public mutating func stop() -> Action {
        isStopped = true
        return running.isEmpty ? .finish(ending) : .cancel(running)
    }

    /// The judge's word, nil where it gave none that can be used: agreement decides then. A judge that was stopped does not undo the
    /// answers.
    public func judged(_ verdict: JudgeVerdict?) -> Action {
        guard let verdict, answers.indices.contains(verdict.choice - 1) else {
            return .finish(chosen(by: .agreement, note: "The judge gave no usable verdict."))
        }
        var agreement = Agreement(answers)
        let choice = agreement.choose(answers[verdict.choice - 1].position, of: calls.count, by: .judge)
        return .finish(.answer(choice.explained(verdict.reason)))
    }

    private mutating func ask(_ positions: [Int]) -> Action {
        for position in positions { calls[position] = .running }
        return positions.isEmpty ? .finish(ending) : .ask(positions)
    }

    private func isRunning(_ position: Int) -> Bool {
        if calls.indices.contains(position), case .running = calls[position] { true } else { false }
    }

    private func isIdle(_ position: Int) -> Bool { if case .idle = calls[position] { true } else { false } }

    private var running: [Int] { calls.indices.filter(isRunning) }

    private var answers: [Agreement.Candidate] {
        calls.enumerated().compactMap { position, call in
            if case .answered(let answer) = call { Agreement.Candidate(position: position, answer: answer) } else { nil }
        }
    }

    private var next: Action {
        guard running.isEmpty else { return .wait }
        if plan.strategy == .ensemble, plan.choice == .judge, !isStopped, answers.count > 1 { return .judge(answers.map(\.position)) }
        return .finish(ending)
    }

    private var ending: Ending {
        if let winner { return .answer(ChosenAnswer(position: winner, confidence: confidence(of: winner))) }
        // An ensemble that was stopped is not what the task asked for, and is handed back whole.
        if plan.strategy == .ensemble, !answers.isEmpty, decidingFailure?.failure != .stopped { return chosen(by: plan.choice) }
        return decidingFailure.map { .failure($0.position) } ?? .stopped
    }

    private func confidence(of position: Int) -> Double? {
        if case .answered(let answer) = calls[position] { answer.confidence } else { nil }
    }

    /// Of several that mean the same, the one of the engine that the caller named first.
    private var decidingFailure: (position: Int, failure: CallFailure)? {
        let failures = calls.enumerated().compactMap { position, call in
            if case .failed(let failure) = call { (position: position, failure: failure) } else { nil }
        }
        return failures.max { ($0.failure, -$0.position) < ($1.failure, -$1.position) }
    }

    private func chosen(by choice: EnsembleChoice, note: String? = nil) -> Ending {
        var agreement = Agreement(answers)
        let chosen =
            switch choice {
            case .confidence: agreement.surest(of: calls.count) ?? agreement.largest(of: calls.count)
            // A judge is not asked about one answer.
            case .agreement, .judge: agreement.largest(of: calls.count)
            }
        guard var chosen else { return .stopped }
        if let note { chosen.reason = "\(note) \(chosen.reason)" }
        return .answer(chosen)
    }
}
