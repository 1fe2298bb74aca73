/// What a running development environment tells the command about itself.
public struct DevContext: Sendable {
    /// The environment's folder.
    public let dataDirectory: String
    public let databaseURL: String
    public let amqpURL: String
    /// The simulated engine, without a path: `http://127.0.0.1:N`. It may not run yet.
    public let engineURL: String
    /// The gateway: `http://127.0.0.1:N`. It may not run yet.
    public let gatewayURL: String
    /// The variables of the environment file as an earlier run left it; empty the first time, and after a reset.
    public let earlier: [String: String]
}

/// What the command prepared, before the processes of Chorus start.
public struct DevPreparation: Sendable {
    /// Variables for people and scripts: they go into the environment file (`CHORUS_API_KEY`).
    public var published: [String: String]
    /// Variables for the gateway and the workers.
    public var processes: [String: String]

    public init(published: [String: String] = [:], processes: [String: String] = [:]) {
        self.published = published
        self.processes = processes
    }
}
