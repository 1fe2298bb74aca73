import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

extension Response {
    init(_ value: JSONValue, status: HTTPResponse.Status = .ok, location: String? = nil) {
        self.init(value.serialized(), type: "application/json", status: status)
        if let location { headers[.location] = location }
    }

    init<Element>(_ page: Page<Element>, _ json: (Element) -> JSONValue) {
        self.init(["data": .array(page.elements.map(json)), "next_cursor": JSONValue(page.next?.text)])
    }

    private init(_ bytes: [UInt8], type: String, status: HTTPResponse.Status) {
        self.init(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// The answer to a failed request (RFC 9457).
    ///
    /// `closesConnection` leaves the rest of the request's body unread: what throws behind the last write ends the connection. It waits a
    /// moment, since a close with bytes that nobody read resets the connection, and the caller may lose the answer (RFC 9112 §9.6).
    init(_ problem: Problem, closesConnection: Bool = false) {
        self.init(problem.json.serialized(), type: "application/problem+json", status: HTTPResponse.Status(code: problem.status))
        if let seconds = problem.retryAfter { headers[.retryAfter] = "\(seconds)" }
        if let quota = problem.quota {
            headers[.rateLimitPolicy] = quota.policyField
            headers[.rateLimit] = quota.limitField
        }
        if problem.status == 401 { headers[.wwwAuthenticate] = "Bearer" }
        guard closesConnection else { return }
        headers[.connection] = "close"
        let bytes = ByteBuffer(bytes: problem.json.serialized())
        body = ResponseBody(contentLength: bytes.readableBytes) { writer in
            try await writer.write(bytes)
            try await writer.finish(nil)
            try await Task.sleep(for: Self.lingering)
            throw ConnectionEnds()
        }
    }

    private static let lingering = Duration.seconds(1)

    private struct ConnectionEnds: Error {}
}
