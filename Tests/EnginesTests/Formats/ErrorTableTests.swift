import Domain
import HTTPTypes
import Testing

@testable import Engines

/// Each provider's errors, row by row, as its documentation shows them.
@Suite(.timeLimit(.minutes(1))) struct ErrorTableTests {
    private func error(_ type: EngineType, _ status: Int, _ body: JSONValue, _ fields: HTTPFields = [:]) throws -> EngineError {
        let format = type.wireFormat
        let complaint = try #require(format.complaint(in: body))
        return EngineError(complaint, status: status, fields: fields, rules: format.errorRules, now: 0)
    }

    @Test(
        arguments: [
            (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided", .permanent),
            (403, "request_forbidden", "unsupported_country_region_territory", "Country not supported", .permanent),
            (404, "invalid_request_error", "model_not_found", "The model does not exist", .permanent),
            (400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is", .permanent),
            (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota", .permanent),
            (400, "billing_limit_user_error", "billing_hard_limit_reached", "Billing hard limit", .permanent),
            (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests", .refused),
            (429, "tokens", "rate_limit_exceeded", "Request too large for m on tokens per min", .permanent),
            (429, "", "", "Too many", .refused), (500, "server_error", "", "The server had an error", .passing),
            (502, "", "", "Bad gateway", .passing), (503, "server_error", "", "Slow down", .refused),
            (503, "unavailable_error", "", "Loading model", .refused), (504, "", "", "Gateway timeout", .unknown),
            (408, "", "", "Request timeout", .passing), (409, "", "", "Conflict", .passing), (422, "", "", "Unprocessable", .permanent),
        ] as [(Int, String, String, String, EngineError.Kind)])
    func openAI(status: Int, type: String, code: String, message: String, kind: EngineError.Kind) throws {
        let body: JSONValue = ["error": ["message": .string(message), "type": .string(type), "code": .string(code)]]
        #expect(try error(.openai, status, body).kind == kind)
        #expect(try error(.openai, status, body).message == message)
    }

    @Test(
        arguments: [
            (400, "invalid_request_error", .permanent), (401, "authentication_error", .permanent), (402, "billing_error", .permanent),
            (403, "permission_error", .permanent), (404, "not_found_error", .permanent), (413, "request_too_large", .permanent),
            (429, "rate_limit_error", .refused), (500, "api_error", .passing), (504, "timeout_error", .unknown),
            (529, "overloaded_error", .refused), (418, "a_new_error", .permanent),
        ] as [(Int, String, EngineError.Kind)])
    func anthropic(status: Int, type: String, kind: EngineError.Kind) throws {
        let body: JSONValue = ["type": "error", "error": ["type": .string(type), "message": "words"], "request_id": "req_1"]
        #expect(try error(.anthropic, status, body).kind == kind)
        #expect(try error(.anthropic, status, body).message == "words")
    }

    @Test(
        arguments: [
            (400, "INVALID_ARGUMENT", .permanent), (400, "FAILED_PRECONDITION", .permanent), (403, "PERMISSION_DENIED", .permanent),
            (404, "NOT_FOUND", .permanent), (429, "RESOURCE_EXHAUSTED", .refused), (500, "INTERNAL", .passing),
            (503, "UNAVAILABLE", .refused), (504, "DEADLINE_EXCEEDED", .unknown),
        ] as [(Int, String, EngineError.Kind)])
    func gemini(status: Int, name: String, kind: EngineError.Kind) throws {
        let body: JSONValue = ["error": ["code": .number(JSONNumber(status)), "message": "words", "status": .string(name)]]
        #expect(try error(.gemini, status, body).kind == kind)
    }

    @Test func geminiSaysHowLongToWait() throws {
        let body: JSONValue = [
            "error": [
                "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota",
                "details": [
                    ["@type": "type.googleapis.com/google.rpc.Help"],
                    ["@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.5s"],
                ],
            ]
        ]
        #expect(try error(.gemini, 429, body).retryAfter == .seconds(48.5))
        #expect(try error(.gemini, 429, [body]).retryAfter == .seconds(48.5), "a list of one, from a stream of JSON")
    }

    @Test(
        arguments: [
            (400, "invalid request", .permanent), (404, "model 'x' not found", .permanent), (429, "too many requests", .refused),
            (503, "server busy, please try again. maximum pending requests exceeded", .refused),
            (500, "llm server loading model", .refused), (500, "model runner has unexpectedly stopped", .passing),
            (500, "model requires more system memory (8 GiB) than is available", .permanent), (502, "upstream", .passing),
        ] as [(Int, String, EngineError.Kind)])
    func ollama(status: Int, message: String, kind: EngineError.Kind) throws {
        #expect(try error(.ollama, status, ["error": .string(message)]).kind == kind)
    }

    @Test func aFinalErrorAsksForNoPatience() throws {
        let body: JSONValue = ["error": ["message": "x", "type": "insufficient_quota"]]
        #expect(try error(.openai, 429, body, [.retryAfter: "3"]).retryAfter == nil)
        #expect(try error(.openai, 500, ["error": "x"], [.retryAfter: "3"]).retryAfter == .seconds(3))
    }
}
