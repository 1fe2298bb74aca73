public import AMQP
import HTTPTypes
public import Logging
import NIOCore
import NIOHTTPListener
import NIOPosix
import NIOSSL
import NIOTaskExecutor
public import ServiceLifecycle
public import Store

/// The HTTP API: accepts projects and tasks durably, and answers what became of them.
///
/// A graceful shutdown stops listening, lets the requests in flight finish and closes connections that wait for a next one.
public struct Gateway: Service {
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void
    private let parts: GatewayParts
    private let api: CurrentAPI
    private let addresses: ConnectionsByAddress
    private let listener: HTTPListener
    private let webhookSender: WebhookSender?
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
        let events = EventHub(store: store, limits: EventHub.Limits(configuration), logger: logger)
        parts = GatewayParts(
            store: store, acceptances: acceptances, onWaiting: onWaiting, onProjectCreated: onProjectCreated,
            takesBrokerMessages: takesBrokerMessages, readiness: readiness, metrics: metrics, uses: uses, events: events, logger: logger)
        let api = CurrentAPI(GatewayAPI(configuration, over: parts))
        self.api = api
        addresses = ConnectionsByAddress(limit: configuration.connectionsPerAddress)
        listener = HTTPListener(
            at: HTTPListener.Address(configuration), HTTPListener.Settings(configuration, addresses, api, logger: logger),
            runsOnEventLoops: true, logger: logger)
        var attendants: [any Service] = [uses, events, DeltaLine(hub: events, logger: logger)]
        webhookSender = configuration.webhooks.signing.map { signing in
            WebhookSender(store: store, signing: signing, targets: configuration.webhooks.targets, logger: logger)
        }
        if let sender = webhookSender {
            attendants.append(WebhookPump(store: store, logger: logger) { sender.poke() })
            attendants.append(sender)
        }
        self.attendants = attendants
        var finishers: [any Service] = []
        if let intake { finishers.append(Intake(intake, handler: { api.value.intakeHandler }, logger: logger)) }
        if let exchange { finishers.append(EventExchange(store: store, broker: exchange, logger: logger)) }
        self.finishers = finishers
    }

    /// Sets how many threads carry requests, before anything runs on them: 0 is half of the processors, for what batches, waits for the
    /// database and publishes has as much to do.
    public static func setThreads(_ count: Int) {
        NIOSingletons.groupLoopCountSuggestion = count > 0 ? count : max(1, System.coreCount / 2)
    }

    /// One of the threads that carry requests, for work that many of them share: short, and never blocking.
    public static var requestExecutor: any TaskExecutor { EventLoopTaskExecutor(MultiThreadedEventLoopGroup.singleton.any()) }

    /// What it answers to.
    var routes: [(method: HTTPRequest.Method, path: String)] { api.value.routes }

    /// Works so from now on; requests, streams and connections that are there go on as they began. Where it listens, TLS and whether there
    /// are webhooks stay what they are.
    public func reload(_ configuration: GatewayConfiguration) {
        api.replace(with: GatewayAPI(configuration, over: parts))
        addresses.allow(configuration.connectionsPerAddress)
        listener.reload(HTTPListener.Settings(configuration, addresses, api, logger: logger))
        parts.events.allow(EventHub.Limits(configuration))
        webhookSender?.allow(configuration.webhooks.targets)
    }

    /// Serves until the graceful shutdown.
    /// - Throws: where the address cannot be listened on, or the files of TLS cannot be used.
    public func run() async throws {
        let certificate = try configuration.tls.map { try CertificateWatch($0, pace: configuration.certificatePace, logger: logger) }
        try await withThrowingTaskGroup { group in
            if let certificate { group.addTask { await certificate.run() } }
            for attendant in attendants { group.addTask { try await attendant.run() } }
            defer { group.cancelAll() }
            try await serveWithFinishers(certificate)
        }
    }

    private func serveWithFinishers(_ certificate: CertificateWatch?) async throws {
        try await withThrowingTaskGroup { group in
            for finisher in finishers { group.addTask { try await finisher.run() } }
            // Where it throws, the group ends with it.
            let encryption = try certificate.map { try NIOSSLContext(configuration: $0.configuration) }
            try await listener.serve(encryptedBy: encryption, onListening: onListening)
            try await group.waitForAll()
        }
    }
}
