import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import Store
import Synchronization

/// What the API works with for as long as its gateway runs, however often the configuration is read anew.
struct GatewayParts: Sendable {
    let store: Store
    let acceptances: GroupCommit<Submission, Acceptance>
    let onWaiting: @Sendable () -> Void
    let onProjectCreated: @Sendable () -> Void
    let takesBrokerMessages: @Sendable () -> Bool
    let readiness: [ReadinessCheck]
    let metrics: (@Sendable () async -> String)?
    let uses: KeyUseWriter
    let events: EventHub
    let logger: Logger
}

/// The API as one configuration has it: what it answers to requests, and to messages from the broker.
///
/// A reload makes another one over the same parts. What is under way ends as it began; caches and the counts of rates begin anew.
final class GatewayAPI: Sendable {
    let routes: [(method: HTTPRequest.Method, path: String)]
    let intakeHandler: IntakeHandler
    private let responder: RouterResponder<GatewayContext>

    init(_ configuration: GatewayConfiguration, over parts: GatewayParts) {
        let store = parts.store
        let tokens = SessionTokens(store: store, lifetime: configuration.sessionLifetime)
        let access = Access(store, tokens: tokens, uses: parts.uses)
        let engines = EngineDirectory(store)
        let bodies = BodyReader(limit: configuration.bodyLimit)
        let creations = ProjectCreations(
            store: store, engines: engines, webhooks: configuration.webhooks, onCreated: parts.onProjectCreated)
        let submissions = TaskSubmissions(
            store: store, engines: engines, arrayLimit: configuration.arrayLimit, acceptances: parts.acceptances)
        intakeHandler = IntakeHandler(
            store: store, access: access, creations: creations, submissions: submissions, bodyLimit: configuration.bodyLimit,
            isTraced: configuration.tracesRequests, logger: parts.logger)
        var routes = RouteTable()
        HealthRoutes(checks: parts.readiness, timeout: configuration.readinessTimeout, metrics: parts.metrics).add(to: &routes)
        ProjectRoutes(store: store, access: access, bodies: bodies, creations: creations).add(to: &routes)
        TaskSubmissionRoutes(
            access: access, bodies: bodies, submissions: submissions,
            uploads: TaskUploads(store: store, engines: engines, limits: UploadLimits(configuration), onWaiting: parts.onWaiting)
        ).add(to: &routes)
        TaskRoutes(store: store, access: access, takesBrokerMessages: parts.takesBrokerMessages).add(to: &routes)
        FeedbackRoutes(store: store, access: access, bodies: bodies).add(to: &routes)
        TaskMoveRoutes(store: store, access: access, bodies: bodies, onWaiting: parts.onWaiting).add(to: &routes)
        ProjectMoveRoutes(
            store: store, access: access, engines: engines, webhooks: configuration.webhooks, bodies: bodies, onWaiting: parts.onWaiting
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
        EventRoutes(hub: parts.events, access: access).add(to: &routes)
        WebhookRoutes(store: store, access: access, webhooks: configuration.webhooks).add(to: &routes)
        ReferenceRoutes().add(to: &routes)
        self.routes = routes.routes
        responder = routes.responder(RequestEnvelope(configuration))
    }

    func response(to request: Request, in context: GatewayContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }
}

/// The API of this moment.
final class CurrentAPI: HTTPResponder {
    private let api: Mutex<GatewayAPI>

    init(_ api: GatewayAPI) { self.api = Mutex(api) }

    var value: GatewayAPI { api.withLock { $0 } }

    func replace(with new: GatewayAPI) { api.withLock { $0 = new } }

    @concurrent func respond(to request: Request, context: GatewayContext) async throws -> Response {
        try await value.response(to: request, in: context)
    }
}
