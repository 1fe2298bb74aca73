/// What an operator may set of the HTTP server.
public struct GatewayConfiguration: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// 0 takes a free port; `Gateway`'s `onListening` tells which.
    public var port = 8080
    /// Bytes of a request's body; more is a 413.
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
    /// A connection that is quiet for so long is closed.
    public var idleTimeout: Duration = .seconds(75)
    /// How long one readiness check may take.
    public var readinessTimeout: Duration = .seconds(2)

    public init() {}
}
