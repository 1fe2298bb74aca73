import Domain

/// Source: Gemini API reference, "Embeddings" (ai.google.dev/api/embeddings), as of November 2026. One text goes to `embedContent`, a list
/// of at most 100 to `batchEmbedContents`. It names no model, and does not always count.
extension GeminiContent {
    func request(for embedding: EmbeddingRequest) -> WireRequest {
        let (path, model) = Self.path(model: embedding.model, method: embedding.isSingle ? "embedContent" : "batchEmbedContents")
        let requests = embedding.texts.map { text in
            var request: JSONObject = ["model": .string(model), "content": ["parts": [["text": .string(text)]]]]
            request["outputDimensionality"] = embedding.value("dimensions")
            for member in embedding.passedThrough { request[member.key] = member.value }
            return JSONValue.object(request)
        }
        let body = embedding.isSingle ? requests[0] : ["requests": .array(requests)]
        return WireRequest(path: path, body: body.serialized())
    }

    func vectors(from body: JSONValue) throws(EngineError) -> EmbeddingReply {
        guard let embeddings = body["embeddings"]?.arrayValue ?? body["embedding"].map({ [$0] }) else {
            throw EngineError(.passing, "the answer has no embeddings")
        }
        let usage = TokenUsage.sum(["promptTokenCount"], of: body["usageMetadata"])
        return EmbeddingReply(
            vectors: embeddings.map { $0["values"] ?? .null }, model: nil,
            usage: usage.map { TokenUsage(promptTokens: $0, completionTokens: 0) })
    }
}
