extension EngineType {
    /// What an engine of this type cannot be told of an embedding task's `input_data`; empty where it can be told everything. As
    /// ``inexpressible(in:at:)`` does for chats, for both ends.
    public func inexpressible(inEmbedding input: JSONObject, at pointer: String = "") -> [FieldError] {
        switch self {
        case .openai, .ollama: return []
        case .anthropic:
            let key = input["engines"]?.arrayValue == nil ? "engine" : "engines"
            return [FieldError(pointer: "\(pointer)/\(key)", detail: "engines of type 'anthropic' make no embeddings")]
        case .gemini:
            guard EmbeddingInput.texts(of: input).count > Self.geminiBatch else { return [] }
            let detail = "must have at most \(Self.geminiBatch) elements (engines of type 'gemini')"
            return [FieldError(pointer: "\(pointer)/input", detail: detail)]
        }
    }

    /// Texts of one request to Gemini: "at most 100 requests can be in one batch", says its error.
    private static let geminiBatch = 100
}
