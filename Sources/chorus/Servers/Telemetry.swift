import AMQP
import CoreMetrics
import Domain
import Logging
import Operations
import Queues
import ServiceLifecycle
import Worker

/// What a server tells of itself in numbers: `GET /metrics`.
enum Telemetry {
    /// Makes everything that is counted from now on readable. Once a process, before the parts that count are made.
    static func start() -> MetricsRegistry {
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }

    /// nil where the configuration names no port.
    static func server(
        _ configuration: ChorusConfiguration, _ logger: Logger, _ text: @escaping @Sendable () async -> String
    ) throws -> (any Service)? {
        let port = try configuration.source.integer("metrics.port")
        guard port > 0 else { return nil }
        return MetricsServer(host: try configuration.source.text("metrics.host"), port: port, logger: logger, text: text)
    }

    /// What is looked up when somebody reads: the broker's queues, in one round trip.
    static func read(_ publisher: AMQPPublisher, _ partitioning: Partitioning) async {
        Meter(label: "chorus_broker_connected").set(publisher.takesMessages ? 1 : 0)
        let queues = partitioning.taskQueues
        guard let depths = try? await publisher.status(of: queues.map(QueueNames.tasks)) else { return }
        var lanes: [Lane: Int] = [:]
        for (queue, depth) in zip(queues, depths) { lanes[queue.lane, default: 0] += depth?.messageCount ?? 0 }
        for (lane, messages) in lanes { Meter(label: "chorus_queue_messages", dimensions: [("lane", "\(lane)")]).set(messages) }
    }

    static func read(_ worker: WorkerService, concurrency: Int) {
        Meter(label: "chorus_worker_slots").set(concurrency)
        Meter(label: "chorus_worker_running_tasks").set(worker.runningCount)
    }
}
