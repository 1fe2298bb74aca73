import Hummingbird
import HummingbirdCore
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
    let routes: RouteTable
    private let responder: RouterResponder<GatewayContext>

    /// - Parameters:
    ///   - acceptances: the group commit that stores tasks, and sees to it that they run; it must run for as long as requests may be in
    ///     flight.
    ///   - onWaiting: called after a person's move that may let tasks run, to wake the dispatcher; must not wait.
    ///   - onProjectCreated: called after a project was stored; must not wait.
    ///   - takesBrokerMessages: whether the broker is there, to say why a task waits.
    ///   - readiness: what `/readyz` asks, all at once.
    ///   - onListening: called with the port when connections are taken.
    public init(
        configuration: GatewayConfiguration = GatewayConfiguration(), store: Store, acceptances: GroupCommit<Submission, Acceptance>,
        onWaiting: @escaping @Sendable () -> Void, onProjectCreated: @escaping @Sendable () -> Void,
        takesBrokerMessages: @escaping @Sendable () -> Bool = { true }, readiness: [ReadinessCheck], logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        let access = Access(store)
        let engines = EngineDirectory(store)
        let bodies = BodyReader(limit: configuration.bodyLimit)
        var routes = RouteTable()
        HealthRoutes(checks: readiness, timeout: configuration.readinessTimeout).add(to: &routes)
        let creations = ProjectCreations(store: store, engines: engines, onCreated: onProjectCreated)
        ProjectRoutes(store: store, access: access, bodies: bodies, creations: creations).add(to: &routes)
        TaskSubmissionRoutes(
            access: access, bodies: bodies,
            submissions: TaskSubmissions(engines: engines, arrayLimit: configuration.arrayLimit, acceptances: acceptances),
            uploads: TaskUploads(store: store, engines: engines, limits: UploadLimits(configuration), onWaiting: onWaiting)
        ).add(to: &routes)
        TaskRoutes(store: store, access: access, takesBrokerMessages: takesBrokerMessages).add(to: &routes)
        TaskMoveRoutes(store: store, access: access, bodies: bodies, onWaiting: onWaiting).add(to: &routes)
        ProjectMoveRoutes(store: store, access: access, engines: engines, bodies: bodies, onWaiting: onWaiting).add(to: &routes)
        FleetRoutes(store: store, access: access).add(to: &routes)
        ReferenceRoutes().add(to: &routes)
        self.routes = routes
        responder = routes.responder()
    }

    /// Serves until the graceful shutdown.
    /// - Throws: where the address cannot be listened on.
    public func run() async throws {
        let idleTimeout = TimeAmount.nanoseconds(Int64(clamping: configuration.idleTimeout.components.seconds) * 1_000_000_000)
        let application = Application(
            responder: responder,
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: idleTimeout)),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), backlog: 1_024,
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
            onServerRunning: { [onListening] channel in
                if let port = channel.localAddress?.port { await onListening(port) }
            },
            logger: logger)
        try await application.run()
    }
}
