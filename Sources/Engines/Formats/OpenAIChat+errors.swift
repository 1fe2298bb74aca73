import Domain

/// Source: OpenAI, "Error codes" and "Rate limits" (platform.openai.com/docs/guides/error-codes, …/rate-limits), as of November 2026.
/// llama.cpp has a number for `code` and the name in `type`; it answers 503 while it loads its model.
extension OpenAIChat {
    var errorRules: [ErrorRule] {
        [
            // 429, but no time of waiting mends it: somebody has to pay first.
            ErrorRule(.permanent, name: "insufficient_quota"),
            ErrorRule(.permanent, name: "billing_hard_limit_reached"),
            ErrorRule(.permanent, name: "billing_not_active"),
            // 429 for one request that is larger than what a whole minute allows.
            ErrorRule(.permanent, status: 429, messagePrefix: "Request too large"),
            ErrorRule(.refused, name: "rate_limit_exceeded"),
            ErrorRule(.refused, name: "rate_limit_error"),
            // llama.cpp: "Loading model".
            ErrorRule(.refused, name: "unavailable_error"),
            // Some servers name these with other statuses, or within a stream.
            ErrorRule(.permanent, name: "context_length_exceeded"),
            ErrorRule(.permanent, name: "exceed_context_size_error"),
            ErrorRule(.permanent, name: "model_not_found"),
            ErrorRule(.permanent, name: "invalid_api_key"),
        ]
    }

    func complaint(in body: JSONValue) -> EngineComplaint? {
        guard let error = body["error"], !error.isNull else { return nil }
        return EngineComplaint(
            message: error["message"]?.stringValue ?? error.stringValue ?? error.text,
            names: [error["code"], error["type"]].compactMap { $0?.stringValue })
    }
}
