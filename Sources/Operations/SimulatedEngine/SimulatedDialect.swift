/// A wire format that the simulated engine speaks.
enum SimulatedDialect: Sendable, CaseIterable {
    case openai, anthropic, gemini, ollama
}

/// Where a call came in: Gemini's addresses also name the model, and whether the answer streams.
struct SimulatedRoute: Sendable, Equatable {
    var dialect: SimulatedDialect
    var model: String?
    var streams: Bool?

    /// nil for a path that takes no calls.
    init?(path: String) {
        switch path {
        case "/v1/chat/completions": dialect = .openai
        case "/v1/messages": dialect = .anthropic
        case "/api/chat": dialect = .ollama
        default:
            let prefix = "/v1beta/models/"
            guard path.hasPrefix(prefix), let colon = path.lastIndex(of: ":") else { return nil }
            switch path[path.index(after: colon)...] {
            case "generateContent": streams = false
            case "streamGenerateContent": streams = true
            default: return nil
            }
            dialect = .gemini
            model = String(path[..<colon].dropFirst(prefix.count))
        }
    }
}
