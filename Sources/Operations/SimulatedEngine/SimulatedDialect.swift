/// A wire format that the simulated engine speaks.
enum SimulatedDialect: Sendable, CaseIterable {
    case openai, anthropic, gemini, ollama
}

/// Where a call came in: Gemini's addresses also name the model, and whether the answer streams.
struct SimulatedRoute: Sendable, Equatable {
    enum Work: Sendable, Equatable {
        case chat
        /// Vectors for the texts of a field `input`, or, as Gemini has it, for one content.
        case embedding
        /// Gemini's list of such requests.
        case embeddings
    }

    var dialect: SimulatedDialect
    var work = Work.chat
    var model: String?
    var streams: Bool?

    /// nil for a path that takes no calls.
    init?(path: String) {
        switch path {
        case "/v1/chat/completions": dialect = .openai
        case "/v1/messages": dialect = .anthropic
        case "/api/chat": dialect = .ollama
        case "/v1/embeddings": (dialect, work) = (.openai, .embedding)
        case "/api/embed": (dialect, work) = (.ollama, .embedding)
        default:
            // The API has two versions that take the same calls.
            let prefixes = ["/v1beta/models/", "/v1/models/"]
            guard let prefix = prefixes.first(where: path.hasPrefix), let colon = path.lastIndex(of: ":") else { return nil }
            switch path[path.index(after: colon)...] {
            case "generateContent": streams = false
            case "streamGenerateContent": streams = true
            case "embedContent": work = .embedding
            case "batchEmbedContents": work = .embeddings
            default: return nil
            }
            dialect = .gemini
            model = String(path[..<colon].dropFirst(prefix.count))
        }
    }
}
