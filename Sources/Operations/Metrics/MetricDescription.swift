/// What a metric means.
public struct MetricDescription: Sendable, Hashable {
    /// Which processes tell it.
    public enum Teller: String, Sendable, CaseIterable {
        case all = "every process"
        case gateway = "each gateway, of itself"
        case worker = "each worker, of itself"
        /// All gateways say the same: take one of them, never their sum.
        case fleet = "each gateway, of the whole fleet"
    }

    public var name: String
    public var kind: MetricKind
    public var teller: Teller
    public var labels: [String]
    public var help: String
    /// A histogram's bounds, ascending, in the metric's unit.
    public var buckets: [Double]

    init(
        _ name: String, _ kind: MetricKind, _ teller: Teller = .all, _ labels: [String] = [], _ help: String, buckets: [Double] = []
    ) {
        self.name = name
        self.kind = kind
        self.teller = teller
        self.labels = labels
        self.help = help
        self.buckets = buckets
    }
}

/// How a metric behaves.
public enum MetricKind: String, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// How often values fell below each of several bounds.
    case histogram
}
