import AsyncHTTPClient
import HTTPTypes
import NIOHTTP1
import Synchronization

/// Where requests went before: the same few addresses are called again and again, and taking one apart costs more than anything else of a
/// request.
final class RequestTargets: Sendable {
    private struct Target: Hashable {
        var method: HTTPRequest.Method
        var scheme: String?
        var authority: String?
        var path: String?
    }

    /// Addresses that are kept; more are taken apart each time.
    private static let most = 256

    private let known = Mutex<[Target: HTTPClient.Request]>([:])

    /// The client's form of a request; throws when scheme, host or path make no URL.
    func clientRequest(_ request: HTTPRequest, body: [UInt8]?) throws -> HTTPClient.Request {
        let target = Target(method: request.method, scheme: request.scheme, authority: request.authority, path: request.path)
        var made = try known.withLock { known in
            if let made = known[target] { return made }
            let made = try HTTPClient.Request(target: request)
            if known.count < Self.most { known[target] = made }
            return made
        }
        made.headers = HTTPHeaders(request.headerFields)
        made.body = body.map { .bytes($0) }
        return made
    }
}
