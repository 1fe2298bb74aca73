/// How to reach a broker, and the bounds of every wait.
///
/// Its description never shows the password.
public struct AMQPConfiguration: Sendable {
    /// Where one broker listens.
    public struct Endpoint: Sendable, Hashable {
        public var host: String
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// TLS through libssl; the peer's certificate and name are verified unless said otherwise.
    public struct TLS: Sendable, Hashable {
        public var verifiesPeer = true
        /// PEM file of the authorities that are trusted.
        public var authorityFile = "/etc/ssl/certs/ca-certificates.crt"
        /// PEM files of this client's certificate and key, both or neither.
        public var certificateFile: String?
        public var keyFile: String?

        public init() {}
    }

    /// Tried in turn, from a random one on, until one answers: a cluster's nodes.
    public var endpoints: [Endpoint]
    public var virtualHost = "/"
    public var user = "guest"
    public var password = "guest"
    public var tls: TLS?
    /// How often each side proves that it lives; whole seconds, a peer silent for twice this long is given up.
    public var heartbeat: Duration = .seconds(10)
    /// The bound of the TCP and TLS handshake with one endpoint, and again of the AMQP handshake.
    public var connectTimeout: Duration = .seconds(5)
    /// The bound of one question to the broker; then the connection counts as lost, its answers would be out of step.
    public var rpcTimeout: Duration = .seconds(10)
    /// What the broker's tools show; empty for none.
    public var connectionName = ""
    /// The largest body sent or kept, in bytes. A larger delivery comes without its body: see `AMQPDelivery.omittedBodySize`.
    public var maxBodySize = 16 << 20
    /// Bytes of deliveries that a consumer holds unsettled: then it reads no more, whatever its prefetch, until some are settled. One more
    /// message may exceed it.
    public var maxUnsettledSize = 64 << 20
    /// Messages that may wait to be sent or confirmed on a publisher; then `publish` throws `.overloaded`.
    public var maxPendingMessages = 65_536
    /// The largest frame offered in the negotiation, in bytes.
    public var maxFrameSize = 131_072
    public var backoff = ReconnectBackoff()
    /// What comes on top of the backoff where a connection breaks that stood, and there are several endpoints. A cluster that lost a node
    /// first elects who leads its queues instead; RabbitMQ 3.10 may answer declarations that come before that only after five seconds.
    public var electionPause: Duration = .milliseconds(500)

    public init(endpoints: [Endpoint]) {
        self.endpoints = endpoints
    }
}

extension AMQPConfiguration: CustomStringConvertible, CustomReflectable {
    public var description: String {
        let hosts = endpoints.map { "\($0.host):\($0.port)" }.joined(separator: ",")
        return "\(tls == nil ? "amqp" : "amqps")://\(user):***@\(hosts)/\(virtualHost)"
    }

    /// Hides the fields from `dump` and reflection, the password among them.
    public var customMirror: Mirror {
        Mirror(self, children: ["description": description])
    }
}
