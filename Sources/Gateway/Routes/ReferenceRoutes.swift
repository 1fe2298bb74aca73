import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// What tells people and programs how to use this API: `GET /openapi.json`, and `GET /docs`, the same as a page. Neither asks for a key.
struct ReferenceRoutes: Sendable {
    /// What the page loads; not part of the API.
    static let assets = ["/docs/reference.css", "/docs/reference.js"]

    /// Read when somebody first asks for it: a gateway starts without.
    private static let document = ByteBuffer(bytes: OpenAPIDocument.value.serialized())

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/openapi.json") { _, _ in Self.file(Self.document, "application/json") }
        let page = ByteBuffer(bytes: PackageResources.reference_html)
        routes.on(.get, "/docs") { _, _ in
            var response = Self.file(page, "text/html; charset=utf-8")
            // Nothing from elsewhere, and nothing that a description could smuggle in.
            response.headers[.contentSecurityPolicy] =
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
            return response
        }
        let style = ByteBuffer(bytes: PackageResources.reference_css)
        routes.on(.get, "/docs/reference.css") { _, _ in Self.file(style, "text/css; charset=utf-8") }
        let script = ByteBuffer(bytes: PackageResources.reference_js)
        routes.on(.get, "/docs/reference.js") { _, _ in Self.file(script, "text/javascript; charset=utf-8") }
    }

    private static func file(_ bytes: ByteBuffer, _ type: String) -> Response {
        Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: bytes))
    }
}
