import Domain
public import FoundationEssentials

/// A worker process as the database knows it.
public struct WorkerIdentity: Sendable, Hashable {
    public var id: UUID
    /// What operators call it, such as `worker@3`.
    public var name: String
    public var host: String
    public var processID: Int32
    public var version: String
    /// Calls at once.
    public var concurrency: Int
    /// The advisory lock that its session holds for as long as the process lives.
    public var lockKey: Int64

    /// Where it hears that a task it runs is not wanted any more: `chorus_worker_channel` in the database.
    public var channel: String { "chorus_worker_\(id.text.filter { $0 != "-" })" }

    public init(name: String, host: String, processID: Int32, version: String, concurrency: Int) {
        self.id = .v7()
        self.name = name
        self.host = host
        self.processID = processID
        self.version = version
        self.concurrency = concurrency
        self.lockKey = .random(in: .min ... .max)
    }
}

/// What a worker row says of its process. The raw value is what `workers.status` holds.
public enum WorkerStatus: String, Sendable, Hashable, CaseIterable {
    case alive, draining, stopped, lost
}
