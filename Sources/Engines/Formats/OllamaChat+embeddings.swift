import Domain

/// Source: Ollama documentation, "Generate embeddings" (docs.ollama.com/api/embed), as of November 2026. It has no encodings: vectors come
/// as numbers.
extension OllamaChat {
    func request(for embedding: EmbeddingRequest) -> WireRequest {
        var body: JSONObject = ["model": .string(embedding.model)]
        body["input"] = embedding.input["input"]
        body["dimensions"] = embedding.value("dimensions")
        for member in embedding.passedThrough { body[member.key] = member.value }
        return WireRequest(path: "/embed", body: JSONValue.object(body).serialized())
    }

    func vectors(from body: JSONValue) throws(EngineError) -> EmbeddingReply {
        guard let vectors = body["embeddings"]?.arrayValue else { throw EngineError(.passing, "the answer has no embeddings") }
        let usage = body["prompt_eval_count"]?.intValue.map { TokenUsage(promptTokens: $0, completionTokens: 0) }
        return EmbeddingReply(vectors: vectors, model: body["model"]?.stringValue, usage: usage)
    }
}
