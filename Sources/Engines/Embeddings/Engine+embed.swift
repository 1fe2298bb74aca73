public import Domain
import HTTPTypes

extension Engine {
    /// Asks the engine once for the vectors of an embedding task's texts. The answer comes in one piece: there is nothing to stream.
    ///
    /// - Parameters: as ``call(_:timeout:idempotencyKey:)`` has them.
    public func embed(
        _ input: JSONObject, timeout: Duration? = nil, idempotencyKey: String? = nil
    ) async throws(EngineError) -> EngineAnswer {
        let start = ContinuousClock.now
        let question = try EmbeddingRequest(input, to: definition)
        let wire = format.request(for: question)
        let answer = try await send(request(for: wire, idempotencyKey), wire.body, definition.limits.timeouts(atMost: timeout))
        guard answer.response.status.kind == .successful else { throw refusal(answer.body, answer.response) }
        // Megabytes may be read: not on the thread that carries the calls.
        let reply = await withTaskExecutorPreference(globalConcurrentExecutor) { read(answer.body, answer.response, question) }
        return EngineAnswer(
            try reply.get(), engine: definition.name, modelAskedFor: question.model, processingTime: start.duration(to: .now))
    }

    private func read(
        _ body: [UInt8], _ response: HTTPResponse, _ question: EmbeddingRequest
    ) -> Result<EmbeddingReply, EngineError> {
        do throws(EngineError) {
            let json = try parse(body, response)
            try format.refuseComplaint(in: json)
            return .success(try format.vectors(from: json).checked(for: question))
        } catch {
            return .failure(error.redacting(secret, statusCode: response.status.code))
        }
    }
}
