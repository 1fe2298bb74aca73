/// What a quota bounds in a calendar month. The raw value is what `usage_quotas.quota_type` holds.
public enum QuotaType: String, Sendable, Hashable, CaseIterable {
    /// Tasks that are accepted. A retry is no new task.
    case tasks
    /// Tokens of calls, as the engines counted them.
    case tokens
    /// What calls cost, in millionths of a USD, by the prices of the engines.
    case costMicros = "cost_micros"

    /// Those that are known only when a call has ended: before, they are estimated.
    public static let spending: [QuotaType] = [.tokens, .costMicros]

    /// As in "the tasks of this month are used up".
    public var words: String {
        switch self {
        case .tasks: "tasks"
        case .tokens: "tokens"
        case .costMicros: "money"
        }
    }
}

/// What a quota's limit may be: a JSON number that every client reads exactly.
public enum QuotaLimit {
    public static let range = 0...1_000_000_000_000_000
}
