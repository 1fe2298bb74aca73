import Domain

/// Errors in the shapes and words of the providers.
extension SimulatedDialect {
    /// - Parameter retryAfter: is told in the body only by Gemini.
    func error(_ status: Int, _ message: String, code: String, retryAfter: Int? = nil) -> JSONValue {
        switch self {
        case .openai:
            let type =
                switch status {
                case 429: "rate_limit_error"
                case 500...: "server_error"
                default: "invalid_request_error"
                }
            return ["error": ["message": .string(message), "type": .string(type), "code": .string(code)]]
        case .anthropic:
            return ["type": "error", "error": ["type": .string(Self.anthropicType(status)), "message": .string(message)]]
        case .gemini:
            var error: JSONObject = [
                "code": .number(JSONNumber(status)), "message": .string(message), "status": .string(Self.geminiStatus(status)),
            ]
            if let retryAfter {
                error["details"] = [["@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": .string("\(retryAfter)s")]]
            }
            return ["error": .object(error)]
        case .ollama: return ["error": .string(message)]
        }
    }

    private static func anthropicType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 504: "timeout_error"
        case 503, 529: "overloaded_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    private static func geminiStatus(_ status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 429: "RESOURCE_EXHAUSTED"
        case 503, 529: "UNAVAILABLE"
        case 504: "DEADLINE_EXCEEDED"
        case 500...: "INTERNAL"
        default: "INVALID_ARGUMENT"
        }
    }
}
