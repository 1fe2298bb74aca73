extension PostgresError {
    /// Whether the same transaction, begun anew, may succeed.
    ///
    /// True does not mean that nothing happened: after `connectionLost` or `timedOut` a commit may have taken effect, so what is
    /// tried again must be idempotent or guarded.
    public var isRetryable: Bool {
        switch code {
        case .connectionLost, .timedOut, .poolExhausted: return true
        case .cancelled, .decoding, .closed, .invalidQuery, .invalidConfiguration, .protocolViolation: return false
        case .connectionFailed: return sqlState.map(Self.isRetryable(sqlState:)) ?? true
        case .server: return sqlState.map(Self.isRetryable(sqlState:)) ?? false
        }
    }

    /// Whether what was asked may have taken effect all the same: no answer came, so a commit may have been made.
    ///
    /// A server that ended a statement with its own words, by a time limit (57014) or in a shutdown (57P01), has rolled it back.
    public var leavesOutcomeOpen: Bool {
        switch code {
        case .connectionLost, .timedOut: sqlState == nil
        case .protocolViolation: true
        case .connectionFailed, .poolExhausted, .cancelled, .server, .decoding, .closed, .invalidQuery, .invalidConfiguration: false
        }
    }

    private static func isRetryable(sqlState: String) -> Bool {
        switch sqlState {
        case "40001", "40P01": true  // serialization failure, deadlock
        case "55P03": true  // lock not available
        case "57P01", "57P02", "57P03", "57P05": true  // shutdown, crash, starting up, idle session ended
        case "25006": true  // read-only: this server has become, or still is, a standby
        case "25P03": true  // idle in transaction for too long
        default:
            // Connection exceptions; insufficient resources (53300 is "too many connections").
            sqlState.hasPrefix("08") || sqlState.hasPrefix("53")
        }
    }
}
