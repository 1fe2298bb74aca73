/// How a ``NIOURLSession`` connects, how long it waits, and how much it takes.
public struct NIOURLSessionConfiguration: Sendable {
    /// What to do with an answer that points elsewhere.
    public enum Redirects: Sendable, Hashable {
        /// Hand the 3xx answer to the caller.
        case none
        /// Follow as long as scheme, host and port stay the same, at most `limit` times: a secret in a header never reaches another host.
        case sameOrigin(limit: Int)
    }

    /// Time to get a connection: name lookup, TCP, TLS, and the wait for a free one when all are busy.
    public var connectTimeout: Duration
    /// Limits of one call that names none of its own.
    public var timeouts: NIOURLSessionTimeouts
    /// Connections to one host; more calls than these wait for a free one, for ``connectTimeout`` at most.
    public var maxConnectionsPerHost: Int
    /// Time after which an unused connection is closed.
    public var idleConnectionTimeout: Duration
    public var redirects: Redirects
    /// Bytes of an answer's body; one more ends the call with ``NIOURLSessionError/Code/bodyTooLarge``.
    public var maxResponseBodyBytes: Int
    /// PEM file with authorities trusted besides the system's, for engines behind a private authority.
    public var additionalTrustRootsFile: String?
    /// Event loop threads; one carries thousands of plain calls a second and spares hops between loops.
    public var eventLoopThreads: Int

    public init(
        connectTimeout: Duration = .seconds(10), timeouts: NIOURLSessionTimeouts = NIOURLSessionTimeouts(),
        maxConnectionsPerHost: Int = 1_024,
        idleConnectionTimeout: Duration = .seconds(60), redirects: Redirects = .none, maxResponseBodyBytes: Int = 16 << 20,
        additionalTrustRootsFile: String? = nil, eventLoopThreads: Int = 1
    ) {
        self.connectTimeout = connectTimeout
        self.timeouts = timeouts
        self.maxConnectionsPerHost = maxConnectionsPerHost
        self.idleConnectionTimeout = idleConnectionTimeout
        self.redirects = redirects
        self.maxResponseBodyBytes = maxResponseBodyBytes
        self.additionalTrustRootsFile = additionalTrustRootsFile
        self.eventLoopThreads = eventLoopThreads
    }
}
