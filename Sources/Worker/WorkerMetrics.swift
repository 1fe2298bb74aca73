import CoreMetrics
import Domain
import Engines
import Store
import Synchronization

/// What the worker counts.
final class WorkerMetrics: Sendable {
    /// Of one engine; what a call adds to costs no look-up of labels.
    private final class OfEngine: Sendable {
        let time: CoreMetrics.Timer
        let prompt: Counter
        let completion: Counter
        let cost: FloatingPointCounter
        let held: Counter
        private let engine: String
        private let outcomes = Mutex<[String: Counter]>([:])

        init(_ engine: String) {
            self.engine = engine
            time = CoreMetrics.Timer(label: "chorus_engine_call_seconds", dimensions: [("engine", engine)])
            prompt = Counter(label: "chorus_engine_tokens_total", dimensions: [("engine", engine), ("kind", "prompt")])
            completion = Counter(label: "chorus_engine_tokens_total", dimensions: [("engine", engine), ("kind", "completion")])
            cost = FloatingPointCounter(label: "chorus_engine_cost_usd_total", dimensions: [("engine", engine)])
            held = Counter(label: "chorus_engine_held_total", dimensions: [("engine", engine)])
        }

        func ended(_ outcome: String) {
            outcomes.withLock { outcomes in
                if let known = outcomes[outcome] { return known }
                let new = Counter(label: "chorus_engine_calls_total", dimensions: [("engine", engine), ("outcome", outcome)])
                outcomes[outcome] = new
                return new
            }.increment()
        }
    }

    private let engines = Mutex<[String: OfEngine]>([:])
    private let ended = Mutex<[String: Counter]>([:])
    private let claimed = Counter(label: "chorus_tasks_claimed_total")
    private let waits = Dictionary(
        uniqueKeysWithValues: Lane.allCases.map {
            ($0, CoreMetrics.Timer(label: "chorus_task_wait_seconds", dimensions: [("lane", $0.rawValue)]))
        })
    private let claimBatch = CoreMetrics.Recorder(label: "chorus_claim_batch_tasks")
    private let claimTime = CoreMetrics.Timer(label: "chorus_claim_seconds")
    private let recordBatch = CoreMetrics.Recorder(label: "chorus_record_batch_tasks")
    private let recordTime = CoreMetrics.Timer(label: "chorus_record_seconds")

    /// A call of an engine ended.
    func called(_ engine: String, _ result: Result<EngineAnswer, EngineError>, after time: Duration, price: EnginePrice?) {
        let meters = meters(of: engine)
        switch result {
        case .success: meters.ended("completed")
        case .failure(let error): meters.ended(error.kind.rawValue)
        }
        meters.time.recordNanoseconds(Int64(time / .nanoseconds(1)))
        guard let usage = result.usage else { return }
        meters.prompt.increment(by: usage.promptTokens)
        meters.completion.increment(by: usage.completionTokens)
        if let price { meters.cost.increment(by: price.cost(of: usage)) }
    }

    /// The engine's gate let a call not pass.
    func held(_ engine: String) { meters(of: engine).held.increment() }

    private func meters(of engine: String) -> OfEngine {
        engines.withLock { engines in
            if let known = engines[engine] { return known }
            let new = OfEngine(engine)
            engines[engine] = new
            return new
        }
    }

    /// A statement claimed these of the tasks that it was asked for.
    func claimed(_ claimed: [ClaimedTask], of tasks: Int, after time: Duration) {
        self.claimed.increment(by: claimed.count)
        // What has children waited for them.
        for task in claimed where task.childCount == 0 {
            waits[Lane(priority: task.priority)]?.recordNanoseconds(Int64(min(max(task.waited, 0), 1e9) * 1e9))
        }
        claimBatch.record(tasks)
        claimTime.recordNanoseconds(Int64(time / .nanoseconds(1)))
    }

    func recordedBatch(of outcomes: Int, after time: Duration) {
        recordBatch.record(outcomes)
        recordTime.recordNanoseconds(Int64(time / .nanoseconds(1)))
    }

    func recorded(_ outcome: TaskOutcome) {
        let status = outcome.word
        ended.withLock { ended in
            if let known = ended[status] { return known }
            let new = Counter(label: "chorus_tasks_ended_total", dimensions: [("status", status)])
            ended[status] = new
            return new
        }.increment()
    }
}
