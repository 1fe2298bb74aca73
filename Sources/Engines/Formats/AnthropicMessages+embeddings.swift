import Domain

/// The API has no embeddings: ``EmbeddingRequest`` refuses them before they come here.
extension AnthropicMessages {
    func request(for embedding: EmbeddingRequest) -> WireRequest { WireRequest(path: "/embeddings", body: []) }

    func vectors(from body: JSONValue) throws(EngineError) -> EmbeddingReply {
        throw EngineError(.permanent, "engines of type 'anthropic' make no embeddings", wasSent: false)
    }
}
