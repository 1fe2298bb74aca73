import AMQP
import ArgumentParser
import Dispatcher
import Gateway
import Logging
import Operations
import Postgres
import ServiceLifecycle
import Store

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Run a gateway: the HTTP API, and the dispatcher that fills the queues.",
        discussion: """
            Several gateways share the work without a leader. SIGTERM finishes the requests in flight, SIGHUP reads the configuration anew. A \
            socket that systemd passes takes the place of http.host and http.port.
            """)

    private static let applicationName = "chorus-gateway"

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let configuration = try ChorusConfiguration(path: options.config, applicationName: Self.applicationName)
        Gateway.setThreads(try configuration.source.integer("http.threads"))
        let logLevel = LiveLogLevel(configuration.logLevel)
        let logger = configuration.logger("chorus.gateway", level: logLevel)
        let metrics = Telemetry.start(.gateway)
        let exporter = try Telemetry.trace(configuration, .gateway, logger)
        let database = PostgresClient(configuration: configuration.database, logger: logger)
        let store = Store(database)
        let publisher = AMQPPublisher(configuration: configuration.broker, topology: configuration.topology, logger: logger)
        var pace = DispatcherConfiguration()
        pace.partitioning = configuration.partitioning
        pace.lease = try configuration.source.duration("worker.lease")
        let dispatcher = DispatcherService(
            configuration: pace, store: store, database: configuration.database, publisher: publisher, logger: logger)
        let health = GatewayHealth(dispatcher)
        let acceptances = GroupCommit<Submission, Acceptance>(executor: Gateway.requestExecutor) { await dispatcher.accept($0) }
        let fleet = FleetReader(
            store: store, publisher: publisher, partitioning: configuration.partitioning, metrics: metrics, logger: logger)
        let text: @Sendable () async -> String = {
            await fleet.refresh()
            metrics.tellProcess()
            metrics.tell(database.statistics)
            metrics.tell(publisher)
            return metrics.text()
        }
        let metricsServer = try Telemetry.server(configuration, logger, text)
        var settings = try Self.gateway(configuration)
        settings.tracesRequests = exporter != nil
        settings.passedSocket = try PassedSocket()?.descriptor
        let gateway = Gateway(
            configuration: settings, store: store, acceptances: acceptances,
            onWaiting: { dispatcher.poke() }, onProjectCreated: { dispatcher.pokeProjects() },
            takesBrokerMessages: { publisher.takesMessages }, intake: try Self.intake(configuration),
            exchange: try configuration.source.choice("events.exchange") == "on" ? configuration.broker : nil,
            readiness: [
                ReadinessCheck(name: "database") { try await Migrator(database).check() },
                // Without the broker tasks are accepted all the same: they wait in the database.
                ReadinessCheck(name: "broker", isOptional: true) { try await publisher.waitUntilConnected(timeout: .seconds(1)) },
            ], metrics: metricsServer == nil ? text : nil, logger: logger, onListening: { health.listens(on: $0) })
        let probe = LoopProbe(loops: Telemetry.requestLoops)
        let parts: [any Service] =
            (exporter.map { [$0] } ?? []) + [database, publisher, acceptances, dispatcher, gateway, probe]
            + (metricsServer.map { [$0] } ?? [])
        let services = PreparedServices(services: parts, logger: logger) {
            try await StartUp.check(database, logger)
            // Whatever hinders this meets the first request, which says so.
            try? await store.rehearseAcceptance()
        }
        let reload = ConfigurationReload(
            path: options.config, applicationName: Self.applicationName, configuration: configuration, logLevel: logLevel, logger: logger,
            read: { [isTraced = settings.tracesRequests] new in
                var settings = try Self.gateway(new)
                settings.tracesRequests = isTraced
                return settings
            }, apply: { gateway.reload($0) })
        try await Servers.run(services, health: health, reload: { await reload() }, logger)
    }

    private static func gateway(_ configuration: ChorusConfiguration) throws -> GatewayConfiguration {
        var gateway = GatewayConfiguration()
        gateway.host = try configuration.source.text("http.host")
        gateway.port = try configuration.source.integer("http.port")
        gateway.bodyLimit = try configuration.source.integer("http.body_limit")
        gateway.uploadLimit = try configuration.source.integer("http.upload_limit")
        gateway.uploadTasks = try configuration.source.integer("http.upload_tasks")
        gateway.uploadTimeout = try configuration.source.duration("http.upload_timeout")
        gateway.uploadsAtOnce = try configuration.source.integer("http.uploads_at_once")
        gateway.maxConnections = try configuration.source.integer("http.max_connections")
        gateway.connectionsPerAddress = try configuration.source.integer("http.connections_per_address")
        gateway.idleTimeout = try configuration.source.duration("http.idle_timeout")
        gateway.headTimeout = try configuration.source.duration("http.head_timeout")
        gateway.bodyTimeout = try configuration.source.duration("http.body_timeout")
        gateway.requestsPerSecond = try configuration.source.integer("http.requests_per_second")
        gateway.refusalsPerMinute = try configuration.source.integer("http.refusals_per_minute")
        gateway.registration = RegistrationPolicy(rawValue: try configuration.source.choice("accounts.registration")) ?? .closed
        gateway.sessionLifetime = try configuration.source.duration("accounts.session_lifetime")
        gateway.loginsPerMinute = try configuration.source.integer("accounts.logins_per_minute")
        gateway.eventStreams = try configuration.source.integer("http.event_streams")
        gateway.eventStreamsPerKey = try configuration.source.integer("http.event_streams_per_key")
        gateway.logsRequests = try configuration.source.choice("http.access_log") == "on"
        gateway.corsOrigins = Set(configuration.source.list("http.cors_origins"))
        guard let proxies = TrustedProxies(configuration.source.list("http.trusted_proxies")) else {
            throw configuration.source.fault("http.trusted_proxies", "must be addresses or ranges such as 10.0.0.0/8, with commas between")
        }
        gateway.trustedProxies = proxies
        gateway.tls = try tls(configuration.source)
        gateway.webhooks = try webhooks(configuration.source)
        return gateway
    }

    private static func webhooks(_ source: ConfigurationSource) throws -> Webhooks {
        guard let targets = WebhookTargets(allowed: source.list("webhooks.allowed_networks")) else {
            throw source.fault("webhooks.allowed_networks", "must be addresses or ranges such as 10.20.0.0/16, with commas between")
        }
        guard let key = try source.optionalSecret("webhooks.signing_key") else { return Webhooks(targets: targets) }
        guard let signing = WebhookSigning(key: key) else {
            throw source.fault("webhooks.signing_key", "must have \(WebhookSigning.keyLength) characters or more")
        }
        return Webhooks(signing: signing, targets: targets)
    }

    private static func intake(_ configuration: ChorusConfiguration) throws -> IntakeConfiguration? {
        guard try configuration.source.choice("intake.enabled") == "on" else { return nil }
        var intake = IntakeConfiguration(broker: configuration.broker, queueType: configuration.queueType)
        intake.prefetch = UInt16(clamping: try configuration.source.integer("intake.prefetch"))
        return intake
    }

    private static func tls(_ source: ConfigurationSource) throws -> TLSFiles? {
        switch (try source.path("http.tls_certificate"), try source.path("http.tls_key")) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            let files = TLSFiles(certificate: certificate, key: key)
            do throws(TLSFiles.Failure) {
                try files.check()
            } catch {
                throw source.fault(error.file == .key ? "http.tls_key" : "http.tls_certificate", "cannot be used: \(error)")
            }
            return files
        case (nil, _): throw source.fault("http.tls_certificate", "is needed beside http.tls_key")
        case (_, nil): throw source.fault("http.tls_key", "is needed beside http.tls_certificate")
        }
    }
}
