import Domain
import Engines
import FoundationEssentials
import Logging
import Store

/// Runs one claimed task to its outcome: engine after engine of its chain, each call with a ledger row that was written before it left.
struct TaskRunner: Sendable {
    let engines: EngineRegistry
    let store: Store
    let gates: EngineGates
    let policy: OutcomePolicy
    let logger: Logger

    func run(_ task: ClaimedTask, workerID: UUID) async -> Settlement {
        var settlement = Settlement(
            taskID: task.id, attempt: task.attempt, outcome: .failed(message: "No engine is configured: run 'chorus engines apply'."),
            calls: [])
        var settings = ProjectSettings()
        settings.engines = task.projectEngines
        let chain = ChatInput.engines(of: task.input, settings: settings, knownEngines: engines.engineNames)
        if task.type == TaskType.group.rawValue { return await completeGroup(task) }
        guard var call = task.call else { return settlement }
        let input: JSONObject
        do throws(EngineError) {
            input = try await self.input(of: task)
        } catch {
            settlement.calls.append(.failed(call, error, after: .zero))
            settlement.outcome = policy.outcome(
                of: error, retryCount: task.retryCount, maxRetries: task.maxRetries, attempt: task.attempt, timeLeft: task.timeLeft)
            return settlement
        }
        var remaining = chain.drop { $0 == call.engine }
        var failure: EngineError?
        while true {
            let start = ContinuousClock.now
            switch await ask(call, task, input) {
            case .success(let answer):
                settlement.calls.append(.completed(call, answer))
                settlement.outcome = .completed(output: answer.outputData)
                return settlement
            case .failure(let error):
                settlement.calls.append(.failed(call, error, after: start.duration(to: .now)))
                let timeLeft = task.timeLeft
                let decisive = policy.decisive(failure, error)
                failure = decisive
                settlement.outcome = policy.outcome(
                    of: decisive, retryCount: task.retryCount, maxRetries: task.maxRetries, attempt: task.attempt, timeLeft: timeLeft)
                guard policy.mayFallBack(after: error, timeLeft: timeLeft), let next = remaining.popFirst(),
                    let opened = await open(next, task, workerID: workerID)
                else { return settlement }
                call = opened
            }
        }
    }

    private func ask(_ call: OpenCall, _ task: ClaimedTask, _ input: JSONObject) async -> Result<EngineAnswer, EngineError> {
        let engine: Engine
        do {
            engine = try engines.engine(call.engine)
        } catch {
            return .failure(EngineError(.permanent, "\(error)", wasSent: false))
        }
        return await gates.pass(engine, tokens: { TokenEstimate.tokens(input) }, timeLeft: task.timeLeft) { () throws(EngineError) in
            try await engine.call(input, timeout: task.timeLeft, idempotencyKey: "\(task.id.text).\(task.attempt)")
        }
    }

    /// nil where the claim does not hold any more, or the database cannot say so: the call is not made then.
    private func open(_ engine: String, _ task: ClaimedTask, workerID: UUID) async -> OpenCall? {
        do {
            return try await store.openCall(taskID: task.id, attempt: task.attempt, workerID: workerID, engine: engine)
        } catch {
            logger.warning("a fallback was not tried", metadata: ["task_id": "\(task.id.text)", "error": "\(error)"])
            return nil
        }
    }
}

extension EngineRegistry {
    /// The names that tasks may use, the fleet's default first.
    var engineNames: EngineNames {
        guard let standard = defaultEngine else { return EngineNames(names) }
        return EngineNames([standard] + names.filter { $0 != standard })
    }
}

extension Settlement {
    /// Of a claim that was not begun: nothing was called.
    static func handedBack(_ task: ClaimedTask) -> Settlement {
        let error = EngineError(.cancelled, "The worker was taken for dead before it began.", wasSent: false)
        return Settlement(
            taskID: task.id, attempt: task.attempt, outcome: .retrying(message: error.message, delay: .zero, spendsRetry: false),
            calls: task.call.map { [.failed($0, error, after: .zero)] } ?? [])
    }
}

extension ClaimedTask {
    /// The time until its deadline, never less than none.
    fileprivate var timeLeft: Duration? {
        // Far enough for any call, near enough for a Duration.
        deadline.map { .seconds(min(max(0, $0.timeIntervalSinceNow), 1e9)) }
    }
}

extension CallOutcome {
    static func completed(_ call: OpenCall, _ answer: EngineAnswer) -> CallOutcome {
        CallOutcome(
            resultID: call.resultID, status: .completed, output: answer.outputData, processingTime: answer.processingTime.milliseconds,
            tokenUsage: answer.usage.json)
    }

    /// `duration` is what it took until the call failed, or was stopped.
    static func failed(_ call: OpenCall, _ error: EngineError, after duration: Duration) -> CallOutcome {
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
            tokenUsage: error.partial?.usage?.json, wasMade: error.kind != .held)
    }
}

extension Duration {
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000)
    }
}
