import Domain

extension EngineType {
    /// The format that speaks to engines of this type.
    var wireFormat: any WireFormat {
        switch self {
        case .openai: OpenAIChat()
        case .anthropic: AnthropicMessages()
        case .gemini: GeminiContent()
        case .ollama: OllamaChat()
        }
    }
}
