/// How the simulated engine behaves where a request does not say otherwise.
public struct SimulatedEngineConfiguration: Sendable {
    public var host: String
    /// 0 takes a free port; `onReady` of ``SimulatedEngine`` tells which.
    public var port: Int
    /// Time before an answer begins.
    public var latency: Duration
    /// Up to this much more or less than ``latency``.
    public var jitter: Duration
    /// Share of calls, 0 to 1, that fail with 429, 500 or 529, each as often.
    public var errorRate: Double
    /// Calls a minute; more get 429 until the minute is over.
    public var rateLimit: Int?
    /// Pace of an answer's words; nil writes them at once.
    public var tokensPerSecond: Double?
    /// Characters of the last message that an answer repeats.
    public var echoLimit: Int
    /// The same seed gives the same fate to the n-th call; nil throws new dice at every start.
    public var seed: UInt64?
    /// A file to which each call adds a line when it begins and one when it ends: it tells what an engine that was killed had done.
    public var recordPath: String?
    /// Bytes of a request's body; one more gets 413.
    public var maxBodyBytes: Int

    public init(
        host: String = "127.0.0.1", port: Int = 0, latency: Duration = .zero, jitter: Duration = .zero, errorRate: Double = 0,
        rateLimit: Int? = nil, tokensPerSecond: Double? = nil, echoLimit: Int = 60, seed: UInt64? = nil, recordPath: String? = nil,
        maxBodyBytes: Int = 4 << 20
    ) {
        self.host = host
        self.port = port
        self.latency = latency
        self.jitter = jitter
        self.errorRate = errorRate
        self.rateLimit = rateLimit
        self.tokensPerSecond = tokensPerSecond
        self.echoLimit = echoLimit
        self.seed = seed
        self.recordPath = recordPath
        self.maxBodyBytes = maxBodyBytes
    }
}
