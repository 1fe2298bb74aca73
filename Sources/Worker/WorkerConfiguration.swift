public import Domain

/// How a worker works.
public struct WorkerConfiguration: Sendable {
    /// What operators call it.
    public var name: String
    public var version: String
    /// Calls at once, 1 to 10,000.
    public var concurrency: Int
    public var partitioning = Partitioning.standard
    /// How long deliveries that cannot start wait for a slot before they go back to the broker, for another worker.
    public var patience = Duration.milliseconds(100)
    /// How long running tasks may take to finish after SIGTERM; what is left is handed back.
    public var drainTimeout = Duration.seconds(30)
    /// How long the worker counts as alive without renewing.
    public var lease = Duration.seconds(15)
    /// How often it renews: two renewals may fail.
    public var heartbeat: Duration { lease / 3 }
    /// How often the engines are read from the database.
    public var engineRefresh = Duration.seconds(5)
    public var backoff = RetryBackoff.standard

    public init(name: String, version: String, concurrency: Int) {
        self.name = name
        self.version = version
        self.concurrency = concurrency
    }

    /// Deliveries that each queue may send ahead: while one batch is claimed the next one comes, and no more than another worker can spare.
    var prefetch: UInt16 { UInt16(clamping: min(concurrency, 128)) }
}
