import Domain

/// Source: Claude API reference, "Errors" and "Rate limits" (platform.claude.com/docs/en/api/errors, …/rate-limits), as of November 2026.
extension AnthropicMessages {
    var errorRules: [ErrorRule] {
        [
            ErrorRule(.permanent, name: "invalid_request_error"),  // 400, and a credit that is used up
            ErrorRule(.permanent, name: "authentication_error"),  // 401
            ErrorRule(.permanent, name: "billing_error"),  // 402
            ErrorRule(.permanent, name: "permission_error"),  // 403
            ErrorRule(.permanent, name: "not_found_error"),  // 404
            ErrorRule(.permanent, name: "request_too_large"),  // 413
            ErrorRule(.refused, name: "rate_limit_error"),  // 429, also for a load that grows too fast
            ErrorRule(.passing, name: "api_error"),  // 500
            ErrorRule(.unknown, name: "timeout_error"),  // 504: it was at work when the time ran out
            ErrorRule(.refused, name: "overloaded_error"),  // 529
        ]
    }

    /// `{"type": "error", "error": {"type": …, "message": …}}`, as a body and as an event alike.
    func complaint(in body: JSONValue) -> EngineComplaint? {
        guard let error = body["error"], !error.isNull else { return nil }
        return EngineComplaint(
            message: error["message"]?.stringValue ?? error.stringValue ?? error.text, names: [error["type"]].compactMap { $0?.stringValue }
        )
    }
}
