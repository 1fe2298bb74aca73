public import AMQP
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
public import ServiceLifecycle
public import Store

/// The HTTP API: accepts projects and tasks durably, and answers what became of them.
///
/// A graceful shutdown stops listening, lets the requests in flight finish and closes connections that wait for a next one.
public struct Gateway: Service {
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void
    private let responder: RouterResponder<GatewayContext>
    /// What it answers to.
    let routes: [(method: HTTPRequest.Method, path: String)]
    /// What works beside the requests, for as long as they are taken.
    private let attendants: [any Service]
    /// What works on the broker. Each ends by itself at the graceful shutdown, when it has finished what it has begun.
    private let finishers: [any Service]

    /// - Parameters:
    ///   - acceptances: the group commit that stores tasks, and sees to it that they run; it must run for as long as requests may be in
    ///     flight.
    ///   - onWaiting: called after a person's move that may let tasks run, to wake the dispatcher; must not wait.
    ///   - onProjectCreated: called after a project was stored; must not wait.
    ///   - takesBrokerMessages: whether the broker is there, to say why a task waits.
    ///   - intake: how projects and tasks are taken from the broker; nil where this gateway takes none.
    ///   - exchange: the broker that events are published on; nil where this gateway publishes none.
    ///   - readiness: what `/readyz` asks, all at once.
    ///   - metrics: what `/metrics` answers; nil where that has a port of its own.
    ///   - onListening: called with the port when connections are taken.
    public init(
        configuration: GatewayConfiguration = GatewayConfiguration(), store: Store, acceptances: GroupCommit<Submission, Acceptance>,
        onWaiting: @escaping @Sendable () -> Void, onProjectCreated: @escaping @Sendable () -> Void,
        takesBrokerMessages: @escaping @Sendable () -> Bool = { true }, intake: IntakeConfiguration? = nil,
        exchange: AMQPConfiguration? = nil, readiness: [ReadinessCheck],
        metrics: (@Sendable () async -> String)? = nil, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        let uses = KeyUseWriter(store: store, logger: logger)
        let tokens = SessionTokens(store: store, lifetime: configuration.sessionLifetime)
        let access = Access(store, tokens: tokens, uses: uses)
        let events = EventHub(store: store, limits: EventHub.Limits(configuration), logger: logger)
        var attendants: [any Service] = [uses, events, DeltaLine(hub: events, logger: logger)]
        if let signing = configuration.webhooks.signing {
            let sender = WebhookSender(store: store, signing: signing, targets: configuration.webhooks.targets, logger: logger)
            attendants.append(WebhookPump(store: store, logger: logger) { sender.poke() })
            attendants.append(sender)
        }
        self.attendants = attendants
        let engines = EngineDirectory(store)
        let bodies = BodyReader(limit: configuration.bodyLimit)
        var routes = RouteTable()
        HealthRoutes(checks: readiness, timeout: configuration.readinessTimeout, metrics: metrics).add(to: &routes)
        let creations = ProjectCreations(store: store, engines: engines, webhooks: configuration.webhooks, onCreated: onProjectCreated)
        ProjectRoutes(store: store, access: access, bodies: bodies, creations: creations).add(to: &routes)
        var finishers: [any Service] = []
        let submissions = TaskSubmissions(
            store: store, engines: engines, arrayLimit: configuration.arrayLimit, acceptances: acceptances)
        if let intake {
            let handler = IntakeHandler(
                store: store, access: access, creations: creations, submissions: submissions, bodyLimit: intake.bodyLimit,
                isTraced: configuration.tracesRequests, logger: logger)
            finishers.append(Intake(intake, handler: handler, logger: logger))
        }
        if let exchange { finishers.append(EventExchange(store: store, broker: exchange, logger: logger)) }
        self.finishers = finishers
        TaskSubmissionRoutes(
            access: access, bodies: bodies, submissions: submissions,
            uploads: TaskUploads(store: store, engines: engines, limits: UploadLimits(configuration), onWaiting: onWaiting)
        ).add(to: &routes)
        TaskRoutes(store: store, access: access, takesBrokerMessages: takesBrokerMessages).add(to: &routes)
        FeedbackRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        TaskMoveRoutes(store: store, access: access, bodies: bodies, onWaiting: onWaiting).add(to: &routes)
        ProjectMoveRoutes(
            store: store, access: access, engines: engines, webhooks: configuration.webhooks, bodies: bodies, onWaiting: onWaiting
        ).add(to: &routes)
        FleetRoutes(store: store, access: access).add(to: &routes)
        let hasher = PasswordHasher(cost: configuration.passwordCost)
        let limits = LoginLimits(perMinute: configuration.loginsPerMinute)
        let logins = Logins(store: store, hasher: hasher, limits: limits)
        AccountRoutes(
            store: store, access: access, bodies: bodies,
            registrations: Registrations(store: store, policy: configuration.registration, hasher: hasher, limits: limits), logins: logins
        ).add(to: &routes)
        SessionRoutes(store: store, access: access, bodies: bodies, logins: logins, tokens: tokens).add(to: &routes)
        InvitationRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        KeyRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        QuotaRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        MemberRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        EventRoutes(hub: events, access: access).add(to: &routes)
        WebhookRoutes(store: store, access: access, webhooks: configuration.webhooks).add(to: &routes)
        ReferenceRoutes().add(to: &routes)
        self.routes = routes.routes
        responder = routes.responder(RequestEnvelope(configuration))
    }

    /// Serves until the graceful shutdown.
    /// - Throws: where the address cannot be listened on, or the files of TLS cannot be used.
    public func run() async throws {
        let certificate = try configuration.tls.map { try CertificateWatch($0, pace: configuration.certificatePace, logger: logger) }
        let application = Application(
            responder: responder, server: try server(certificate),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), backlog: 1_024,
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
            onServerRunning: { [onListening] channel in
                if let port = channel.localAddress?.port { await onListening(port) }
            },
            logger: logger)
        try await withThrowingTaskGroup { group in
            if let certificate { group.addTask { await certificate.run() } }
            for attendant in attendants { group.addTask { try await attendant.run() } }
            defer { group.cancelAll() }
            try await runWithFinishers(application)
        }
    }

    private func runWithFinishers(_ application: some Service) async throws {
        try await withThrowingTaskGroup { group in
            for finisher in finishers { group.addTask { try await finisher.run() } }
            // Where it throws, the group ends with it.
            try await application.run()
            try await group.waitForAll()
        }
    }

    private func server(_ certificate: CertificateWatch?) throws -> HTTPServerBuilder {
        let times = RequestTimes(configuration)
        let addresses = ConnectionsByAddress(limit: configuration.connectionsPerAddress)
        let http = HTTPServerBuilder.http1(
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionWatch(limits: times, addresses: addresses)],
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: configuration.headLimit, maxHeaderListSize: configuration.headLimit)))
        guard let certificate else { return http }
        return try .tls(http, tlsConfiguration: certificate.configuration)
    }
}
