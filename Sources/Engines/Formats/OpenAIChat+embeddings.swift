import Domain

/// Source: OpenAI API reference, "Create embeddings" (developers.openai.com/api/reference/resources/embeddings), as of November 2026.
extension OpenAIChat {
    func request(for embedding: EmbeddingRequest) -> WireRequest {
        var body: JSONObject = ["model": .string(embedding.model)]
        body["input"] = embedding.input["input"]
        for key in ["dimensions", "encoding_format", "user"] { body[key] = embedding.value(key) }
        for member in embedding.passedThrough { body[member.key] = member.value }
        return WireRequest(path: "/embeddings", body: JSONValue.object(body).serialized())
    }

    /// Each vector says at `index` which text it belongs to.
    func vectors(from body: JSONValue) throws(EngineError) -> EmbeddingReply {
        guard let data = body["data"]?.arrayValue else { throw EngineError(.passing, "the answer has no data") }
        var vectors = [JSONValue](repeating: .null, count: data.count)
        for (position, element) in data.enumerated() {
            let index = element["index"]?.intValue ?? position
            guard vectors.indices.contains(index), vectors[index].isNull, let vector = element["embedding"] else {
                throw EngineError(.passing, "the answer's vectors are not one for each text")
            }
            vectors[index] = vector
        }
        return EmbeddingReply(vectors: vectors, model: body["model"]?.stringValue, usage: Self.usage(body["usage"]))
    }
}
