import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Gathers the routes of all resources, and answers 405 where a path exists and the method does not.
struct RouteTable {
    typealias Handler = @Sendable (Request, GatewayContext) async throws -> Response

    private static let methods: [HTTPRequest.Method] =
        [.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect] + [HTTPRequest.Method("QUERY")].compactMap { $0 }

    private var handlers: [String: [HTTPRequest.Method: Handler]] = [:]

    mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        handlers[path, default: [:]][method] = handler
    }

    /// Every route that there is: what tests go through, so that none is forgotten.
    var routes: [(method: HTTPRequest.Method, path: String)] {
        handlers.flatMap { path, byMethod in byMethod.keys.map { ($0, path) } }
    }

    func responder(_ envelope: RequestEnvelope) -> RouterResponder<GatewayContext> {
        let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: envelope)
        for (path, byMethod) in handlers {
            for (method, handler) in byMethod { router.on(RouterPath(path), method: method, use: handler) }
            var allowed = Set(byMethod.keys)
            if allowed.contains(.get) { allowed.insert(.head) }
            let allow = Self.methods.filter(allowed.contains).map(\.rawValue).joined(separator: ", ")
            for method in Self.methods where !allowed.contains(method) {
                router.on(RouterPath(path), method: method) { _, _ in Self.methodNotAllowed(allow) }
            }
        }
        return router.buildResponder()
    }

    private static func methodNotAllowed(_ allow: String) -> Response {
        var response = Response(Problem(status: 405, title: "Method not allowed", detail: "This resource knows \(allow)."))
        response.headers[.allow] = allow
        return response
    }
}
