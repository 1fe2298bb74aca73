import Domain
import Engines
import FoundationEssentials
import Logging
import Store

/// Runs one claimed task to its outcome, as its strategy says: each call with a ledger row that was written before it left.
struct TaskRunner: Sendable {
    let engines: EngineRegistry
    let store: Store
    let gates: EngineGates
    let policy: OutcomePolicy
    let logger: Logger
    /// Asked about engines that are not known; nil where nobody watches.
    var engineWatch: EngineWatch?
    /// Told of each call; nil where nobody can read along.
    var readingAlong: ReadingAlong?
    let balance = EngineBalance()
    let metrics = WorkerMetrics()

    func run(_ task: ClaimedTask, workerID: UUID) async -> Settlement {
        if task.type == TaskType.group.rawValue { return await completeGroup(task) }
        var settlement = Settlement(
            taskID: task.id, attempt: task.attempt, outcome: .failed(message: "No engine is configured: run 'chorus engines apply'."),
            calls: [])
        var plan = StrategyPlan(of: task.input, settings: task.projectSettings ?? ProjectSettings(), standard: task.call?.engine)
        // What a project says of its chats may be nothing that vectors can do.
        if task.isEmbedding { plan = plan.inTurn }
        guard !plan.engines.isEmpty, task.call != nil || plan.strategy == .balance else { return settlement }
        do throws(EngineError) {
            let attempt = TaskAttempt(task: task, plan: plan, input: try await input(of: task), workerID: workerID)
            return await run(attempt)
        } catch {
            if let call = task.call { settlement.calls.append(.failed(call, error, after: .zero)) }
            settlement.outcome = outcome(of: error, task)
            return settlement
        }
    }

    func outcome(of error: EngineError, _ task: ClaimedTask) -> TaskOutcome {
        policy.outcome(
            of: error, retryCount: task.retryCount, maxRetries: task.maxRetries, attempt: task.attempt, timeLeft: task.timeLeft)
    }

    /// Every call to an engine goes this way.
    ///
    /// - Parameter hasChoice: whether the task may be done by another engine: then no engine holds it back before a worker has it.
    func ask(
        _ call: OpenCall, _ task: ClaimedTask, _ input: JSONObject, hasChoice: Bool
    ) async -> Result<EngineAnswer, EngineError> {
        let engine: Engine
        do {
            engine = try await engineWatch?.engine(call.engine) ?? engines.engine(call.engine)
        } catch {
            return .failure(EngineError(.permanent, "\(error)", wasSent: false))
        }
        let progress = readingAlong?.began(call, of: task)
        defer { readingAlong?.ended(call, of: task) }
        let tokens = { TokenEstimate.tokensOfCall(input, type: task.type) }
        let result = await gates.pass(engine, tokens: tokens, hasChoice: hasChoice, timeLeft: task.timeLeft) { () throws(EngineError) in
            let key = idempotencyKey(of: call, task)
            let start = ContinuousClock.now
            let result = await TaskTrace.call(engine, task) { await make(call, engine, task, input, key, progress) }
            metrics.called(call.engine, result, after: .now - start, price: engine.definition.price)
            return try result.get()
        }
        if case .failure(let error) = result, error.kind == .held { metrics.held(call.engine) }
        return result
    }

    private func make(
        _ call: OpenCall, _ engine: Engine, _ task: ClaimedTask, _ input: JSONObject, _ key: String, _ progress: AnswerProgress?
    ) async -> Result<EngineAnswer, EngineError> {
        do throws(EngineError) {
            guard task.isEmbedding else {
                return .success(try await engine.call(input, timeout: task.timeLeft, idempotencyKey: key, progress: progress))
            }
            return .success(try await engine.embed(input, timeout: task.timeLeft, idempotencyKey: key))
        } catch {
            return .failure(error)
        }
    }

    /// A key is one piece of work: engines that are two names of one provider must not take one's call for the other's.
    private func idempotencyKey(of call: OpenCall, _ task: ClaimedTask) -> String {
        let key = "\(task.id.text).\(task.attempt)"
        return call.resultID == task.call?.resultID ? key : "\(key).\(call.resultID.text)"
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
    var isEmbedding: Bool { type == TaskType.embedding.rawValue }

    /// What a line of the log about the task says.
    func logFields(_ error: any Error) -> Logger.Metadata {
        ["task_id": "\(id.text)", "project_id": "\(projectID.text)", "error": "\(error)"]
    }

    /// The time until its deadline, never less than none.
    var timeLeft: Duration? {
        // Far enough for any call, near enough for a Duration.
        deadline.map { .seconds(min(max(0, $0.timeIntervalSinceNow), 1e9)) }
    }
}
