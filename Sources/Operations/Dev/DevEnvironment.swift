import FoundationEssentials
public import Logging
public import ServiceLifecycle

/// The supervisor behind `chorus dev`: private servers, a simulated engine, a gateway and workers, all processes of their own.
///
/// It starts them, tells when all is ready, starts again what dies, and on a graceful shutdown stops everything in an order in which
/// nobody misses what it still needs. The data stays; the next run goes on from it.
public actor DevEnvironment: Service {
    /// What the command contributes.
    public struct Hooks: Sendable {
        /// Called when the servers run and nothing else does: migrations, an account and its key, the engines.
        public var prepare: @Sendable (DevContext) async throws -> DevPreparation
        /// Whether that many workers are at work; asked until it is true.
        public var areWorkersUp: @Sendable (DevContext, Int) async throws -> Bool
        /// Where `ready …` is printed.
        public var print: @Sendable (String) -> Void

        public init(
            prepare: @escaping @Sendable (DevContext) async throws -> DevPreparation,
            areWorkersUp: @escaping @Sendable (DevContext, Int) async throws -> Bool,
            print: @escaping @Sendable (String) -> Void
        ) {
            self.prepare = prepare
            self.areWorkersUp = areWorkersUp
            self.print = print
        }
    }

    let options: DevOptions
    let executable: String
    let environment: [String: String]
    let hooks: Hooks
    let logger: Logger
    /// How long everything together may take to become ready after the servers are.
    static let readyLimit: Duration = .seconds(60)

    var servers: [DevMember: any PrivateServer] = [:]
    var children: [DevMember: ChildProcess] = [:]
    var commands: DevCommands?
    /// The members that were ready once started, by pid: what the environment file tells.
    var readyPIDs: [DevMember: Int32] = [:]
    var published: [String: String] = [:]

    /// - Parameters:
    ///   - executable: path of the `chorus` program, which the gateway, the workers and the engine are subcommands of.
    ///   - environment: the caller's, which those processes inherit.
    public init(options: DevOptions, executable: String, environment: [String: String], hooks: Hooks, logger: Logger) {
        self.options = options
        self.executable = executable
        self.environment = environment
        self.hooks = hooks
        self.logger = logger
    }

    /// Runs until a graceful shutdown or cancellation, then stops everything.
    /// - Throws: `OperationsError` when the environment cannot be started; what the hooks throw.
    public func run() async throws {
        let folder = try DevFolder(path: options.folder(environment: environment), reset: options.reset)
        // The lock must outlast the servers, which are the last to stop.
        defer { withExtendedLifetime(folder) {} }
        let outcome = await Result {
            try await cancelWhenGracefulShutdown { try await self.startAndSupervise(in: folder) }
        }
        // Unstructured: cancellation ends the work above, it must not cut short the orderly stop.
        await Task { await self.stopAll() }.value
        // What fails because everything was told to stop is no failure.
        if Task.isCancelled || Task.isShuttingDownGracefully { return }
        try outcome.get()
    }

    private func startAndSupervise(in folder: DevFolder) async throws {
        let context = try await startServers(in: folder)
        let preparation = try await hooks.prepare(context)
        try await startProcesses(context, preparation, in: folder)
        try await awaitReadiness(context)
        await notePIDs()
        published = [
            "CHORUS_URL": context.gatewayURL, "CHORUS_DATABASE_URL": context.databaseURL, "CHORUS_AMQP_URL": context.amqpURL,
            "CHORUS_ENGINE_URL": context.engineURL,
        ].merging(preparation.published, uniquingKeysWith: { $1 })
        try writeEnvironmentFile(in: folder)
        hooks.print("ready \(context.gatewayURL)")
        try await supervise(in: folder)
    }

    private func startServers(in folder: DevFolder) async throws -> DevContext {
        let earlier = folder.takeLastEnvironment()
        let root = try folder.serversFolder(for: .forServers())
        let postgres = PrivatePostgres(dataDirectory: "\(root)/postgres", logger: logger)
        let rabbitMQ = PrivateRabbitMQ(dataDirectory: "\(root)/rabbitmq", logger: logger)
        servers = [.postgres: postgres, .rabbitMQ: rabbitMQ]
        async let database = postgres.start()
        async let broker = rabbitMQ.start()
        let wantedPort = options.httpPort == 0 ? nil : options.httpPort
        let gatewayPort = try await folder.port("gateway", wanted: wantedPort)
        let enginePort = try await folder.port("engine", wanted: nil)
        return try await DevContext(
            dataDirectory: folder.path, databaseURL: database, amqpURL: broker, engineURL: "http://127.0.0.1:\(enginePort)",
            gatewayURL: "http://127.0.0.1:\(gatewayPort)",
            earlier: earlier)
    }

    /// Writes the current pids beside everything else that scripts need.
    func writeEnvironmentFile(in folder: DevFolder) throws {
        var variables = published
        variables["CHORUS_GATEWAY_PID"] = readyPIDs[.gateway].map { String($0) }
        variables["CHORUS_POSTGRES_PID"] = readyPIDs[.postgres].map { String($0) }
        variables["CHORUS_RABBITMQ_PID"] = readyPIDs[.rabbitMQ].map { String($0) }
        variables["CHORUS_WORKER_PIDS"] = DevMember.workersUp(to: options.workers)
            .compactMap { readyPIDs[$0].map { String($0) } }.joined(separator: " ")
        variables["CHORUS_WORKER_METRICS_URLS"] = DevMember.workersUp(to: options.workers)
            .compactMap { commands?.metricsPorts[$0].map { "http://127.0.0.1:\($0)/metrics" } }.joined(separator: " ")
        try AtomicFile.write(DevEnvironmentFile.render(variables), to: folder.file("dev.env"))
    }
}

extension Result where Failure == any Error {
    /// The outcome of asynchronous work as a value, for cleaning up before it is looked at.
    fileprivate init(isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
