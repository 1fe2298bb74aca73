import AMQP
import CoreMetrics
import Domain
import Logging
import NIOCore
import NIOPosix
import Operations
import Postgres
import ServiceLifecycle
import Worker

/// What a server tells of itself in numbers: `GET /metrics`.
enum Telemetry {
    enum Role: String {
        case gateway, worker
    }

    /// Makes everything that is counted from now on readable. Once a process, before the parts that count are made.
    static func start(_ role: Role) -> MetricsRegistry {
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        registry.tell("chorus_build_info", [.init(1, ["version": Release.version, "role": role.rawValue])])
        return registry
    }

    /// nil where the configuration names no port.
    static func server(
        _ configuration: ChorusConfiguration, _ logger: Logger, _ text: @escaping @Sendable () async -> String
    ) throws -> (any Service)? {
        let port = try configuration.source.integer("metrics.port")
        guard port > 0 else { return nil }
        let sum = port + (try configuration.source.integer("metrics.port_offset"))
        guard sum <= 65_535 else { throw configuration.source.fault("metrics.port_offset", "makes \(sum), which is no port") }
        return MetricsServer(host: try configuration.source.text("metrics.host"), port: sum, logger: logger, text: text)
    }

    /// The threads that carry requests.
    static var requestLoops: [@Sendable () async -> Void] {
        MultiThreadedEventLoopGroup.singleton.makeIterator().map { loop in { _ = try? await loop.submit {}.get() } }
    }

    /// The thread that carries calls.
    static func loop(_ executor: any TaskExecutor) -> @Sendable () async -> Void {
        // A task of its own, because it has to run on that very thread to know.
        { await Task(executorPreference: executor) {}.value }
    }
}

extension MetricsRegistry {
    func tell(_ pool: PostgresPoolStatistics) {
        tell("chorus_database_pool_size", Double(pool.size))
        tell(
            "chorus_database_connections",
            [
                Value(Double(pool.idle), ["state": "idle"]), Value(Double(pool.connections - pool.idle), ["state": "in_use"]),
                Value(Double(pool.connecting), ["state": "connecting"]),
            ])
        tell("chorus_database_waiting_callers", Double(pool.waiters))
        tell("chorus_database_waits_total", Double(pool.waits))
        tell("chorus_database_refusals_total", Double(pool.refusals))
    }

    func tell(_ publisher: AMQPPublisher) {
        tell("chorus_broker_connected", publisher.takesMessages ? 1 : 0)
        tell("chorus_broker_unconfirmed_messages", Double(publisher.unconfirmedCount))
    }

    func tell(_ worker: WorkerService) {
        tell("chorus_broker_connected", worker.isConnected ? 1 : 0)
        tell("chorus_worker_registered", worker.isRegistered ? 1 : 0)
        tell("chorus_worker_slots", Double(worker.concurrency))
        tell("chorus_worker_running_tasks", Double(worker.runningCount))
    }
}
