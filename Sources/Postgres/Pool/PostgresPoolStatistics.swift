/// A pool at one moment.
public struct PostgresPoolStatistics: Sendable, Hashable {
    /// Open connections, idle ones included.
    public var connections: Int
    public var idle: Int
    /// Connections on their way.
    public var connecting: Int
    /// Callers who wait for a connection.
    public var waiters: Int
    /// Connections that there may be.
    public var size: Int
    /// How many callers have had to wait for one, since the beginning.
    public var waits: Int
    /// How many of them got none in time, or were too many to wait.
    public var refusals: Int
}
