import Domain

extension EngineType {
    /// The format that speaks to engines of this type; nil for those that cannot be spoken to yet.
    var wireFormat: (any WireFormat)? {
        switch self {
        case .openai: OpenAIChat()
        case .anthropic, .gemini, .ollama: nil
        }
    }
}
