/// Why an engine's gate is closed. The raw value is what `engine_gates.closed_reason` holds.
public enum GateReason: String, Sendable, Hashable, CaseIterable {
    /// The engine answered 429.
    case rateLimited = "rate_limited"
    /// The engine was busy in another way (503, 529).
    case overloaded
    /// Too many of its calls failed, or took too long.
    case circuit

    /// As a sentence says it: "The engine is closed: it …".
    public var words: String {
        switch self {
        case .rateLimited: "refuses more requests"
        case .overloaded: "is overloaded"
        case .circuit: "failed too often"
        }
    }
}
