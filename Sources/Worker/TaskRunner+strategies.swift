import Domain
import Engines
import FoundationEssentials
import Logging
import Store

/// One attempt of a task: what is asked, of whom, and under which claim.
struct TaskAttempt: Sendable {
    let task: ClaimedTask
    let plan: StrategyPlan
    /// As it goes to the engines.
    let input: JSONObject
    let workerID: UUID
}

/// The effects of a ``StrategyRun``: opens rows, asks, stops.
extension TaskRunner {
    func run(_ attempt: TaskAttempt) async -> Settlement {
        var calls = TaskCalls(attempt.plan)
        var run = StrategyRun(attempt.plan, order: attempt.plan.strategy == .balance ? order(of: attempt.plan.engines) : nil)
        var action = run.begin()
        while true {
            switch action {
            case .ask(let positions): action = await ask(positions, attempt, &run, &calls)
            case .judge(let positions): action = await judge(positions, attempt, run, &calls)
            case .finish(let ending): return settlement(of: ending, attempt.task, calls)
            // Both are answered while calls run: here none does.
            case .cancel, .wait: return settlement(of: .stopped, attempt.task, calls)
            }
        }
    }

    /// An engine that this worker cannot use, because its secret is missing, or whose gate is closed, comes last.
    private func order(of names: [String]) -> [Int] {
        balance.order(of: names) { name in gates.isClosed(name) || (try? engines.engine(name)) == nil }
    }

    private func settlement(of ending: StrategyRun.Ending, _ task: ClaimedTask, _ calls: TaskCalls) -> Settlement {
        let stopped = EngineError(.cancelled, "It was stopped before an engine was asked.", wasSent: false)
        let (outcome, chosen): (TaskOutcome, ChosenAnswer?) =
            switch ending {
            case .answer(let chosen): (calls.output(of: chosen).map(TaskOutcome.completed) ?? self.outcome(of: stopped, task), chosen)
            case .failure(let position): (self.outcome(of: calls.deciding(at: position) ?? stopped, task), nil)
            case .stopped: (self.outcome(of: stopped, task), nil)
            }
        return Settlement(taskID: task.id, attempt: task.attempt, outcome: outcome, calls: calls.outcomes(chosen: chosen))
    }

    /// Asks the engines, and returns when all of these calls have ended.
    private func ask(
        _ positions: [Int], _ attempt: TaskAttempt, _ run: inout StrategyRun, _ calls: inout TaskCalls
    ) async -> StrategyRun.Action {
        // Before the rows are open, which takes a moment: others choose meanwhile.
        for position in positions { balance.began(attempt.plan.engines[position]) }
        var action = StrategyRun.Action.wait
        let opened = await open(positions, attempt, &run, &calls, &action)
        guard opened.count > 1 else {
            guard let (position, call) = opened.first else { return action }
            return report(await end(of: call, attempt), at: position, attempt.task, &run, &calls)
        }
        return await withTaskGroup(of: (Int, TaskCalls.Ended).self) { group in
            for (position, call) in opened { group.addTask { (position, await end(of: call, attempt)) } }
            for await (position, ended) in group {
                action = report(ended, at: position, attempt.task, &run, &calls)
                // Those that are to be stopped are all that run.
                if case .cancel = action { group.cancelAll() }
            }
            return action
        }
    }

    private func report(
        _ ended: TaskCalls.Ended, at position: Int, _ task: ClaimedTask, _ run: inout StrategyRun, _ calls: inout TaskCalls
    ) -> StrategyRun.Action {
        calls.add(ended, at: position)
        // The task's own cancellation has reached all calls already.
        if Task.isCancelled { _ = run.stop() }
        switch ended.result {
        case .success(let answer): return run.answered(position, StrategyAnswer(meaning: ended.meaning, confidence: answer.confidence))
        case .failure(let error):
            return run.failed(position, CallFailure(error.kind), mayGoOn: policy.mayFallBack(after: error, timeLeft: task.timeLeft))
        }
    }

    /// One call, from its request to what its answer says.
    private func end(of call: OpenCall, _ attempt: TaskAttempt, _ input: JSONObject? = nil) async -> TaskCalls.Ended {
        let start = ContinuousClock.now
        let result = await ask(
            call, attempt.task, input ?? attempt.input, hasChoice: attempt.plan.engines != [call.engine])
        balance.ended(call.engine, result)
        var ended = TaskCalls.Ended(call: call, result: result, duration: start.duration(to: .now), price: engines.price(of: call.engine))
        if attempt.plan.strategy == .ensemble, case .success(let answer) = result {
            // Megabytes may be compared: not on the thread that carries the calls.
            ended.meaning = await withTaskExecutorPreference(globalConcurrentExecutor) { AnswerMeaning(of: answer.outputData) }
        }
        return ended
    }

    /// The rows of these calls; the first engine's was opened by the claim. Where the claim does not hold any more nothing is asked, and where
    /// the database cannot say so only that first one.
    private func open(
        _ positions: [Int], _ attempt: TaskAttempt, _ run: inout StrategyRun, _ calls: inout TaskCalls,
        _ action: inout StrategyRun.Action
    ) async -> [(Int, OpenCall)] {
        let (task, plan) = (attempt.task, attempt.plan)
        let first = positions.contains(0) ? task.call.map { [(0, $0)] } ?? [] : []
        let missing = positions.filter { $0 != 0 || first.isEmpty }
        guard !missing.isEmpty else { return first }
        let failure: EngineError
        do {
            if let opened = try await open(missing.map { plan.engines[$0] }, attempt, calls) { return first + Array(zip(missing, opened)) }
            failure = EngineError(.cancelled, "The task is not this worker's any more.", wasSent: false)
        } catch {
            logger.warning("engines were not asked", metadata: task.logFields(error))
            failure = EngineError(Task.isCancelled ? .cancelled : .notSent, "The call could not be written down.", wasSent: false)
        }
        for position in missing {
            calls.add(unopened: failure, at: position)
            balance.ended(plan.engines[position], failed: nil)
            action = run.failed(position, CallFailure(failure.kind), mayGoOn: false)
        }
        guard failure.kind == .cancelled else { return first }
        for (position, call) in first {
            balance.ended(call.engine, failed: nil)
            calls.add(TaskCalls.Ended(call: call, result: .failure(failure), duration: .zero), at: position)
            action = run.failed(position, .stopped, mayGoOn: false)
        }
        return []
    }

    private func open(_ engines: [String], _ attempt: TaskAttempt, _ calls: TaskCalls) async throws -> [OpenCall]? {
        try await store.openCalls(
            taskID: attempt.task.id, attempt: attempt.task.attempt, workerID: attempt.workerID, engines: engines,
            settling: calls.outcomes())
    }

    /// A judge that cannot be asked, or says nothing of use, leaves the choice to agreement.
    private func judge(
        _ positions: [Int], _ attempt: TaskAttempt, _ run: StrategyRun, _ calls: inout TaskCalls
    ) async -> StrategyRun.Action {
        guard let judge = attempt.plan.judge, !Task.isCancelled, policy.hasTime(attempt.task.timeLeft) else { return run.judged(nil) }
        let call: OpenCall?
        do {
            call = try await open([judge], attempt, calls)?.first
        } catch {
            logger.warning("a judge was not asked", metadata: attempt.task.logFields(error))
            call = nil
        }
        guard let call else { return run.judged(nil) }
        let question = JudgePrompt.input(
            request: attempt.input, outputs: positions.map { calls.answer(at: $0)?.outputData ?? .null })
        balance.began(judge)
        let ended = await end(of: call, attempt, question)
        calls.add(judge: ended, of: positions)
        let verdict = try? ended.result.get()
        return run.judged(verdict.flatMap { JudgeVerdict(reading: $0.text, candidates: positions.count) })
    }
}
