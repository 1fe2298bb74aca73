/// What `chorus dev` can be told.
public struct DevOptions: Sendable, Equatable {
    /// Where everything is kept; nil takes `$XDG_STATE_HOME/chorus/dev`, else `~/.local/state/chorus/dev`.
    public var dataDirectory: String?
    /// The gateway's port on 127.0.0.1; nil or 0 chooses a free one and remembers it.
    public var httpPort: Int?
    /// Number of worker processes.
    public var workers: Int
    /// Calls that one worker has in flight at most; nil leaves it to the worker.
    public var workerConcurrency: Int?
    /// The simulated engine's time to answer, as its command line takes it ("200ms"); nil leaves it to the engine.
    public var engineLatency: String?
    /// Share of calls that the simulated engine fails, 0…1; nil leaves it to the engine.
    public var engineErrorRate: Double?
    /// Whether to delete what an earlier run left before starting.
    public var reset: Bool

    public init(
        dataDirectory: String? = nil, httpPort: Int? = nil, workers: Int = 1, workerConcurrency: Int? = nil,
        engineLatency: String? = nil, engineErrorRate: Double? = nil, reset: Bool = false
    ) {
        self.dataDirectory = dataDirectory
        self.httpPort = httpPort
        self.workers = workers
        self.workerConcurrency = workerConcurrency
        self.engineLatency = engineLatency
        self.engineErrorRate = engineErrorRate
        self.reset = reset
    }

    /// The folder to use, given the caller's environment.
    /// - Throws: `OperationsError` when no folder was named and the environment names no home.
    public func folder(environment: [String: String]) throws -> String {
        if let dataDirectory { return AbsolutePath.of(dataDirectory) }
        // The base directory specification: a relative or empty value counts as not set.
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return AbsolutePath.of("\(state)/chorus/dev") }
        if let home = environment["HOME"], home.hasPrefix("/") { return AbsolutePath.of("\(home)/.local/state/chorus/dev") }
        throw OperationsError(.folderRefused, "neither --data-dir nor HOME says where to keep the data")
    }
}
