import Domain
import HTTPTypes

/// Ollama's own chat API.
///
/// Source: Ollama documentation, "Generate a chat message", "Streaming" and "Structured outputs" (docs.ollama.com/api/chat), as of November
/// 2026. The base address ends with `/api`.
struct OllamaChat: WireFormat {
    var probePath: String { "/tags" }

    /// An Ollama of one's own asks for no key; one behind a proxy, and Ollama's cloud, take it here.
    func authorize(_ fields: inout HTTPFields, with secret: Secret, at url: EngineURL) {
        fields[.authorization] = "Bearer \(secret.revealed)"
    }

    func makeAccumulator() -> any StreamAccumulator { OllamaChatAccumulator(format: self) }

    /// A whole answer has the shape of a stream's only event.
    func reply(from body: JSONValue) throws(EngineError) -> EngineReply {
        var accumulator = OllamaChatAccumulator(format: self)
        try accumulator.take(body)
        guard accumulator.sawMessage, accumulator.isComplete || !accumulator.draft.isEmpty else {
            throw EngineError(.passing, "the answer has no message")
        }
        return accumulator.draft.reply
    }
}
