import Domain

/// Source: Gemini API, "Troubleshooting" (ai.google.dev/gemini-api/docs/troubleshooting) and google.rpc.Status with its details
/// (google.aip.dev/193), as of November 2026.
extension GeminiContent {
    var errorRules: [ErrorRule] {
        [
            ErrorRule(.permanent, name: "INVALID_ARGUMENT"),  // 400
            ErrorRule(.permanent, name: "FAILED_PRECONDITION"),  // 400: no free tier there, or no billing
            ErrorRule(.permanent, name: "UNAUTHENTICATED"),  // 401
            ErrorRule(.permanent, name: "PERMISSION_DENIED"),  // 403
            ErrorRule(.permanent, name: "NOT_FOUND"),  // 404
            ErrorRule(.refused, name: "RESOURCE_EXHAUSTED"),  // 429, with RetryInfo
            ErrorRule(.passing, name: "ABORTED"),  // 409
            ErrorRule(.passing, name: "CANCELLED"),  // 499
            ErrorRule(.passing, name: "INTERNAL"),  // 500
            ErrorRule(.refused, name: "UNAVAILABLE"),  // 503: overloaded
            ErrorRule(.unknown, name: "DEADLINE_EXCEEDED"),  // 504: it was at work when the time ran out
        ]
    }

    /// An object as a body and as an event; a list of one from a stream that is not asked for as events.
    func complaint(in body: JSONValue) -> EngineComplaint? {
        guard let error = body["error"] ?? body[0]?["error"], !error.isNull else { return nil }
        let delays = (error["details"]?.arrayValue ?? []).compactMap { $0["retryDelay"]?.stringValue }
        return EngineComplaint(
            message: error["message"]?.stringValue ?? error.stringValue ?? error.text,
            names: [error["status"]].compactMap { $0?.stringValue }, retryAfter: delays.lazy.compactMap(RateLimitReset.span).first)
    }
}
