import HTTPTypes

extension HTTPField.Name {
    /// Names outside the tables of swift-http-types. Each is a valid token, so the fallback is never taken.
    static let xRequestID = HTTPField.Name("X-Request-Id") ?? .trailer
    static let xAPIKey = HTTPField.Name("X-API-Key") ?? .authorization
    static let xForwardedFor = HTTPField.Name("X-Forwarded-For") ?? .trailer
    static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .trailer
    static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .trailer
    /// Asks proxies (nginx) not to hold a stream back.
    static let accelBuffering = HTTPField.Name("X-Accel-Buffering") ?? .trailer
    /// What a quota is, and what is left of it: draft-ietf-httpapi-ratelimit-headers-10.
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy") ?? .trailer
    static let rateLimit = HTTPField.Name("RateLimit") ?? .trailer
    /// On an answer that an earlier request got: `true`.
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed") ?? .trailer
}

extension HTTPFields {
    /// The value of a field that comes once, or the first of several: the subscript looks for all of them and joins them.
    func first(_ name: HTTPField.Name) -> String? { first { $0.name == name }?.value }
}
