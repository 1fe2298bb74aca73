/// The wire format an engine speaks; the raw value is what files and the `engines` table hold.
public enum EngineType: String, Sendable, Hashable, CaseIterable {
    case openai, anthropic, gemini, ollama
}
