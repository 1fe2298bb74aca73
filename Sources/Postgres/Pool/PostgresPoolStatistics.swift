/// A pool at one moment.
public struct PostgresPoolStatistics: Sendable, Hashable {
    /// Open connections, idle ones included.
    public var connections: Int
    public var idle: Int
    /// Connections on their way.
    public var connecting: Int
    /// Callers who wait for a connection.
    public var waiters: Int
}
