import Domain
import Engines
import FoundationEssentials
import Store

/// The calls of one attempt: which rows are open, and how those that ended ended.
struct TaskCalls {
    /// How one call ended.
    struct Ended: Sendable {
        var call: OpenCall
        var result: Result<EngineAnswer, EngineError>
        var duration: Duration
        /// nil where the engine has no price.
        var price: EnginePrice? = nil
        /// What its answer says; nil where nobody compares it.
        var meaning: AnswerMeaning? = nil
    }

    let plan: StrategyPlan
    /// By position in the plan; only calls that have a row.
    private var ended: [Int: Ended] = [:]
    /// By position in the plan: calls that were never made.
    private var unopened: [Int: EngineError] = [:]
    private var judge: (call: Ended, candidates: [Int])?

    init(_ plan: StrategyPlan) { self.plan = plan }

    mutating func add(_ end: Ended, at position: Int) { ended[position] = end }

    mutating func add(unopened error: EngineError, at position: Int) { unopened[position] = error }

    /// - Parameter candidates: the positions of the answers, in the order in which the judge numbered them.
    mutating func add(judge end: Ended, of candidates: [Int]) { judge = (end, candidates) }

    func answer(at position: Int) -> EngineAnswer? { try? ended[position]?.result.get() }

    func error(at position: Int) -> EngineError? {
        if case .failure(let error)? = ended[position]?.result { error } else { unopened[position] }
    }

    /// The error that says when to try again: where the one at `position` came of a closed engine, that of the engine that opens first.
    func deciding(at position: Int) -> EngineError? {
        guard let error = error(at: position), error.kind == .held else { return error(at: position) }
        let held = plan.engines.indices.compactMap(self.error(at:)).filter { $0.kind == .held }
        return held.min { $0.retryAfter ?? .zero < $1.retryAfter ?? .zero } ?? error
    }

    /// What becomes of the rows; `chosen` is known when the attempt is over.
    func outcomes(chosen: ChosenAnswer? = nil) -> [CallOutcome] {
        let answers = ended.values.count { (try? $0.result.get()) != nil }
        var outcomes = ended.sorted { $0.key < $1.key }.map { position, end in
            var outcome = CallOutcome(end, isLate: chosen != nil && position != chosen?.position)
            if let chosen, answers > 1, outcome.status == .completed { outcome.isChosen = position == chosen.position }
            if let chosen, position == chosen.position { outcome.confidence = chosen.confidence }
            return outcome
        }
        if let judge {
            var outcome = CallOutcome(judge.call, isLate: false)
            if var output = outcome.output.objectValue {
                output["judged"] = .array(judge.candidates.map { .string(plan.engines[$0]) })
                outcome.output = .object(output)
            }
            outcomes.append(outcome)
        }
        return outcomes
    }

    /// The `output_data` of the task: the answer's own, and how it was come by.
    func output(of chosen: ChosenAnswer) -> JSONValue? {
        guard let answer = answer(at: chosen.position) else { return nil }
        guard plan.isTold || chosen.confidence != nil else { return answer.outputData }
        var output = answer.outputData.objectValue ?? JSONObject()
        if plan.isTold { output["strategy"] = .string(plan.strategy.rawValue) }
        if let confidence = chosen.confidence { output["confidence_score"] = JSONValue(confidence) }
        if plan.strategy == .ensemble { output["agreement"] = chosen.agreement(among: plan.engines) }
        return .object(output)
    }
}

extension CallOutcome {
    /// - Parameter isLate: another engine's answer was there first, and this call was stopped for it.
    init(_ end: TaskCalls.Ended, isLate: Bool) {
        switch end.result {
        case .success(let answer): self = .completed(end.call, answer, price: end.price)
        case .failure(let error) where isLate && error.kind == .cancelled:
            let words = "Another engine answered first (\(error.message))."
            self = .failed(
                end.call, EngineError(.cancelled, words, wasSent: error.wasSent, partial: error.partial), after: end.duration,
                price: end.price)
        case .failure(let error): self = .failed(end.call, error, after: end.duration, price: end.price)
        }
    }

    static func completed(_ call: OpenCall, _ answer: EngineAnswer, price: EnginePrice? = nil) -> CallOutcome {
        CallOutcome(
            resultID: call.resultID, status: .completed, output: answer.outputData, processingTime: answer.processingTime.milliseconds,
            tokenUsage: answer.usage.json(price), confidence: answer.confidence)
    }

    /// `duration` is what it took until the call failed, or was stopped.
    static func failed(_ call: OpenCall, _ error: EngineError, after duration: Duration, price: EnginePrice? = nil) -> CallOutcome {
        let status: ResultStatus =
            switch error.kind {
            case .unknown: .unknown
            case .cancelled: .cancelled
            case .notSent, .held, .refused, .passing, .permanent: .failed
            }
        var output: JSONObject = ["error": .string(error.message), "kind": .string(error.kind.rawValue)]
        if let statusCode = error.statusCode { output["status_code"] = .number(JSONNumber(statusCode)) }
        if let text = error.partial?.text, !text.isEmpty { output["partial_text"] = .string(text) }
        return CallOutcome(
            resultID: call.resultID, status: status, output: .object(output), processingTime: duration.milliseconds,
            tokenUsage: error.partial?.usage?.json(price), wasMade: error.kind != .held)
    }
}

extension TokenUsage {
    /// What a call's row holds: the counts, and what they cost where the engine has a price.
    fileprivate func json(_ price: EnginePrice?) -> JSONValue {
        guard let price, var object = json.objectValue else { return json }
        object["cost_micro_usd"] = .number(JSONNumber(price.microUSD(of: self)))
        return .object(object)
    }
}

extension CallFailure {
    init(_ kind: EngineError.Kind) {
        self =
            switch kind {
            case .permanent: .permanent
            case .notSent, .held, .refused: .free
            case .passing, .unknown: .passing
            case .cancelled: .stopped
            }
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}
