import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Gathers the routes of all resources, and answers 405 where a path exists and the method does not.
struct RouteTable {
    typealias Handler = @Sendable (Request, GatewayContext) async throws -> Response

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    private var handlers: [String: [HTTPRequest.Method: Handler]] = [:]

    /// Every path, with the methods that it knows.
    var paths: [String: Set<HTTPRequest.Method>] { handlers.mapValues { Set($0.keys) } }

    mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        handlers[path, default: [:]][method] = handler
    }

    func responder() -> RouterResponder<GatewayContext> {
        let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestEnvelope())
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
