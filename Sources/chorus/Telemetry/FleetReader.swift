import AMQP
import Domain
import FoundationEssentials
import Logging
import Operations
import Queues
import Store

/// Reads what all gateways would tell alike, when somebody wants to know and not too often.
///
/// Whoever reads metrics waits for the database no longer than a moment: what is not known then is told the next time, and what cannot be
/// read at all is not told, so that no old figure passes for a new one.
actor FleetReader {
    private static let patience = Duration.seconds(2)

    private let store: Store
    private let publisher: AMQPPublisher
    private let partitioning: Partitioning
    private let metrics: MetricsRegistry
    private let logger: Logger
    private var pace = ReadingPace()
    private var isReading = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    init(store: Store, publisher: AMQPPublisher, partitioning: Partitioning, metrics: MetricsRegistry, logger: Logger) {
        self.store = store
        self.publisher = publisher
        self.partitioning = partitioning
        self.metrics = metrics
        self.logger = logger
    }

    /// Reads anew where that is due. Returns when it is done, or patience ends.
    func refresh() async {
        if !isReading {
            guard pace.isDue(at: .now) else { return }
            isReading = true
            // Unstructured, because it goes on where whoever asked first waits no longer.
            Task { await read() }
        }
        let timer = Task {
            try? await Task.sleep(for: Self.patience)
            if !Task.isCancelled { resumeWaiters() }
        }
        await withCheckedContinuation { waiters.append($0) }
        timer.cancel()
    }

    private func resumeWaiters() {
        for waiter in waiters { waiter.resume() }
        waiters.removeAll()
    }

    private func read() async {
        let start = ContinuousClock.now
        await readQueues()
        do {
            metrics.tell("chorus_tasks", try await totals())
            let backlog = try await store.fleetBacklog()
            metrics.tell(backlog)
            metrics.tell(
                "chorus_workers",
                try await store.workersAtWork().merging(["alive": 0, "draining": 0]) { known, _ in known }.map {
                    .init(Double($0.value), ["status": $0.key])
                })
            metrics.tell("chorus_last_backup_timestamp_seconds", try await store.lastBackupTime().map { [.init($0)] } ?? [])
            let engines = try await store.engines().map(\.name)
            metrics.tell(try await store.engineFigures(of: engines, countsTasks: false))
            metrics.tell("chorus_fleet_read_timestamp_seconds", Date().timeIntervalSince1970)
        } catch {
            logger.warning("the figures of the fleet could not be read", metadata: ["error": "\(error)"])
            for metric in MetricDescription.all where metric.teller == .fleet && metric.name != "chorus_queue_messages" {
                metrics.tell(metric.name, [])
            }
        }
        let cost = ContinuousClock.now - start
        metrics.tell("chorus_fleet_read_duration_seconds", cost / .seconds(1))
        pace.ended(at: .now, cost: cost)
        isReading = false
        resumeWaiters()
    }

    private func totals() async throws -> [MetricsRegistry.Value] {
        let totals = try await store.taskTotals()
        return TaskStatus.allCases.map { .init(Double(totals[$0] ?? 0), ["status": $0.rawValue]) }
    }

    /// The broker's queues, in one round trip.
    private func readQueues() async {
        let queues = partitioning.taskQueues
        guard let depths = try? await publisher.status(of: queues.map(QueueNames.tasks)) else {
            return metrics.tell("chorus_queue_messages", [])
        }
        var lanes: [Lane: Int] = [:]
        for (queue, depth) in zip(queues, depths) { lanes[queue.lane, default: 0] += depth?.messageCount ?? 0 }
        metrics.tell("chorus_queue_messages", Lane.allCases.map { .init(Double(lanes[$0] ?? 0), ["lane": $0.rawValue]) })
    }
}

extension MetricsRegistry {
    func tell(_ backlog: FleetBacklog) {
        var (tasks, oldest, seconds): ([Value], [Value], [Value]) = ([], [], [])
        for lane in Lane.allCases {
            let figures = backlog.lanes[lane] ?? .init()
            for (state, count) in [("waiting", figures.waiting), ("in_queue", figures.inQueue), ("processing", figures.processing)] {
                tasks.append(Value(Double(count), ["lane": lane.rawValue, "state": state]))
            }
            oldest.append(Value(figures.oldest ?? 0, ["lane": lane.rawValue]))
            seconds.append(Value(backlog.seconds(of: lane), ["lane": lane.rawValue]))
        }
        tell("chorus_lane_tasks", tasks)
        tell("chorus_lane_oldest_task_seconds", oldest)
        tell("chorus_lane_backlog_seconds", seconds)
    }

    func tell(_ engines: [EngineFigures]) {
        var (states, closed, used): ([Value], [Value], [Value]) = ([], [], [])
        for figures in engines {
            let name = figures.engine
            for state in GateState.allCases {
                states.append(Value(figures.gateState == state ? 1 : 0, ["engine": name, "state": state.rawValue]))
            }
            if let gate = figures.closed {
                closed.append(Value(max(0, gate.closedFor), ["engine": name, "reason": gate.reason.rawValue]))
            }
            used += figures.usedShares.map { Value($0.value, ["engine": name, "limit": $0.key]) }
        }
        tell("chorus_engine_gate_state", states)
        tell("chorus_engine_gate_closed_seconds", closed)
        tell("chorus_engine_gate_used_ratio", used)
    }
}
