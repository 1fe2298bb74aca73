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
    /// What the subscript gives, which makes a list to join: quicker for a field that comes once.
    func value(of name: HTTPField.Name) -> String? {
        var fields = lazy.filter { $0.name == name }.makeIterator()
        guard let first = fields.next() else { return nil }
        return fields.next() == nil ? first.value : self[name]
    }
}
