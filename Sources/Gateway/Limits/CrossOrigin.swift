import HTTPTypes
import Hummingbird

/// Lets pages of the named origins call the API from a browser (the Fetch standard's CORS protocol). Without names nothing of it is said.
struct CrossOrigin: Sendable {
    /// Scheme, host and port: `https://console.example.com`.
    let origins: Set<String>

    /// What is added to the answer to such a page.
    func headers(for request: Request) -> HTTPFields {
        guard let origin = request.headers[.origin], origins.contains(origin) else { return [:] }
        return [
            .accessControlAllowOrigin: origin, .vary: "Origin",
            .accessControlExposeHeaders: "Location, Retry-After, X-Request-Id",
        ]
    }

    /// The answer to a browser that asks whether it may ask; nil where that is no such question.
    func preflight(_ request: Request) -> Response? {
        guard request.method == .options, request.headers[.accessControlRequestMethod] != nil, let origin = request.headers[.origin],
            origins.contains(origin)
        else { return nil }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: "GET, HEAD, POST, PUT, PATCH, DELETE",
                .accessControlAllowHeaders: "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key, X-Request-Id",
                .accessControlMaxAge: "600",
            ])
    }
}
