import Store

/// What an operator may set of the HTTP server.
public struct GatewayConfiguration: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// 0 takes a free port; `Gateway`'s `onListening` tells which.
    public var port = 8080
    /// A listening socket that is there already, such as the service manager's; address and port are not used then.
    public var passedSocket: CInt?
    /// Bytes of a request's body, and of a message's; more is a 413.
    public var bodyLimit = 1 << 20
    /// Tasks in one array.
    public var arrayLimit = 1_000
    /// Bytes of an upload: tasks as lines.
    public var uploadLimit = 64 << 20
    /// Tasks of an upload, those inside others included.
    public var uploadTasks = 100_000
    /// How long the sender of an upload may take.
    public var uploadTimeout: Duration = .seconds(300)
    /// Uploads at once; more are told to come again.
    public var uploadsAtOnce = 4
    /// Connections at once; more wait in the listen queue.
    public var maxConnections = 4_096
    /// Connections at once of one address; more are closed.
    public var connectionsPerAddress = 2_048
    /// A connection that is quiet for so long is closed.
    public var idleTimeout: Duration = .seconds(75)
    /// From the first byte of a request to the end of its headers; then the connection is closed.
    public var headTimeout: Duration = .seconds(20)
    /// From there to the end of its body.
    public var bodyTimeout: Duration = .seconds(60)
    /// Bytes of a request's headers; more is a 400, and the connection is closed.
    public var headLimit = 32 << 10
    /// Requests of one key; 0 for no limit.
    public var requestsPerSecond = 0
    /// Answers 401 to one address; 0 for no limit.
    public var refusalsPerMinute = 600
    /// Who may make an account for themselves.
    public var registration = RegistrationPolicy.invite
    /// How long a login lasts.
    public var sessionLifetime: Duration = .seconds(43_200)
    /// Tries of passwords by one address, and for one account; 0 for no limit.
    public var loginsPerMinute = 10
    /// What a new password's hash costs.
    var passwordCost = ScryptCost.standard
    /// Streams of events at once; more get 503.
    public var eventStreams = 2_000
    /// Streams of events at once of one key; more get 429.
    public var eventStreamsPerKey = 1_000
    /// A stream of events that has been quiet for so long says that it lives. Three times as often its reader's rights are looked at.
    public var eventHeartbeat: Duration = .seconds(15)
    /// Posts of events to addresses of the projects' owners.
    public var webhooks = Webhooks()
    /// Whose `X-Forwarded-For` is believed.
    public var trustedProxies = TrustedProxies()
    /// Origins whose pages may call from a browser.
    public var corsOrigins: Set<String> = []
    /// A line for every request, at level `info`; else at `debug`.
    public var logsRequests = false
    /// Requests that bring no trace begin one.
    public var tracesRequests = false
    /// TLS, where this gateway ends it itself.
    public var tls: TLSFiles?
    /// How often its files are read, to see whether they are new.
    var certificatePace: Duration = .seconds(10)
    /// How long one readiness check may take.
    public var readinessTimeout: Duration = .seconds(2)

    public init() {}
}
