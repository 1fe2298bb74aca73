import ArgumentParser
import Domain
import Engines
import Foundation
import Logging
import NIOURLSession
import Operations
import Postgres
import ServiceLifecycle
import Store
import Worker

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run a worker: consume, claim, call engines, record.",
        discussion: """
            SIGTERM drains: running tasks get worker.drain_timeout to finish, what is left is handed to other workers. SIGHUP reads the \
            configuration and the engines anew.
            """)

    private static let applicationName = "chorus-worker"

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let configuration = try ChorusConfiguration(path: options.config, applicationName: Self.applicationName)
        let logLevel = LiveLogLevel(configuration.logLevel)
        let logger = configuration.logger("chorus.worker", level: logLevel)
        let metrics = Telemetry.start(.worker)
        var settings = configuration.database
        settings.planning = .byKey
        let database = PostgresClient(configuration: settings, logger: logger)
        let session = NIOURLSession(configuration: Self.session, logger: logger)
        do {
            let journal = try await Self.journal(configuration, logger)
            let pace = try Self.worker(configuration)
            let exporter = try Telemetry.trace(configuration, .worker, name: pace.name, logger)
            let worker = WorkerService(
                configuration: pace, store: Store(database), database: configuration.database,
                broker: configuration.broker, topology: configuration.topology,
                engines: EngineRegistry(session: session, hosts: try configuration.source.hosts("engines.allowed_hosts")),
                journal: journal, executor: session.taskExecutor, logger: logger)
            let metricsServer = try Telemetry.server(configuration, logger) {
                metrics.tellProcess()
                metrics.tell(database.statistics)
                metrics.tell(worker)
                return metrics.text()
            }
            let probe = LoopProbe(loops: [Telemetry.loop(session.taskExecutor)])
            let parts: [any Service] =
                (exporter.map { [$0] } ?? []) + [database, worker, probe] + (metricsServer.map { [$0] } ?? [])
            let services = PreparedServices(services: parts, logger: logger) {
                try await StartUp.check(database, logger)
            }
            let reload = ConfigurationReload(
                path: options.config, applicationName: Self.applicationName, configuration: configuration, logLevel: logLevel,
                logger: logger, read: { (pace: try Self.worker($0), hosts: try $0.source.hosts("engines.allowed_hosts")) },
                apply: { await worker.reload(concurrency: $0.pace.concurrency, drainTimeout: $0.pace.drainTimeout, hosts: $0.hosts) })
            try await Servers.run(services, health: WorkerHealth(worker), reload: { await reload() }, logger)
        } catch {
            await session.shutdown()
            throw error
        }
        await session.shutdown()
    }

    private static func worker(_ configuration: ChorusConfiguration) throws -> WorkerConfiguration {
        let source = configuration.source
        var worker = WorkerConfiguration(
            name: try source.text("worker.name"), version: Release.version, concurrency: try source.integer("worker.concurrency"))
        worker.partitioning = configuration.partitioning
        worker.drainTimeout = try source.duration("worker.drain_timeout")
        worker.lease = try source.duration("worker.lease")
        return worker
    }

    /// In the configured folder, else in the one that systemd made for the unit; nil without either.
    private static func journal(_ configuration: ChorusConfiguration, _ logger: Logger) async throws -> Journal? {
        // Of several folders that a unit names, the first (systemd.exec, "StateDirectory=").
        let systemd = ProcessInfo.processInfo.environment["STATE_DIRECTORY"]?.split(separator: ":").first.map(String.init)
        guard let folder = try configuration.source.path("worker.state_directory") ?? systemd else { return nil }
        return try await Journal(folder: folder, logger: logger)
    }

    /// One connection a call, so that no call waits for another one's connection: all engines may be one host's, as far as there are ports.
    /// How many calls there are is bounded by the worker's slots.
    private static var session: NIOURLSessionConfiguration {
        var session = NIOURLSessionConfiguration()
        session.maxConnectionsPerHost = 60_000
        return session
    }
}
