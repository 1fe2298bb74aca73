/// What a connection is doing, as `connectionStates` tells it.
public enum AMQPConnectionState: Sendable {
    /// Open, the topology declared. `generation` counts the connects. Can transition to `blocked`, `disconnected`.
    case connected(generation: Int)
    /// The broker is short of memory or disk and takes no messages. Can transition to `unblocked`, `disconnected`.
    case blocked(reason: String)
    /// The broker takes messages again. Can transition to `blocked`, `disconnected`.
    case unblocked
    /// Not connected, and why (nil before the first connect and after shutdown). Can transition to `connected`, `disconnected`.
    case disconnected(AMQPError?)

    /// Whether messages can be consumed and questions asked: also while the broker is blocked.
    var isConnected: Bool {
        if case .disconnected = self { false } else { true }
    }
}
