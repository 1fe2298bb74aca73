/// How the server plans a session's statements.
public enum PostgresPlanning: Sendable, Hashable {
    /// As the server is set.
    case automatic
    /// One plan a prepared statement, by way of indexes wherever one serves: for sessions that look rows up by their keys.
    ///
    /// Such a statement can take longer to plan than to run, and the server plans it anew each time where it takes arrays. A plan that is
    /// kept, on the other hand, may be from a time when the table was small enough to read as a whole.
    case byKey

    /// Settings of the session (PostgreSQL documentation, "Query Planning").
    var options: [String] {
        switch self {
        case .automatic: []
        // What reads a table as a whole all the same is costed so high that it would be compiled first.
        case .byKey: ["-c plan_cache_mode=force_generic_plan", "-c enable_seqscan=off", "-c jit=off"]
        }
    }
}
