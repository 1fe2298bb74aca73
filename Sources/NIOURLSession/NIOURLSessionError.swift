/// Why a call brought no complete answer, and whether the other side may have acted on it.
public struct NIOURLSessionError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure; the raw value is a bounded label for metrics.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case invalidURL = "invalid_url"
        case invalidRequest = "invalid_request"
        case dns = "dns"
        case connectionRefused = "connection_refused"
        case connectFailed = "connect_failed"
        /// No connection in time: the host kept silent, or every connection to it was busy.
        case connectTimeout = "connect_timeout"
        case tls = "tls"
        case firstByteTimeout = "first_byte_timeout"
        case idleTimeout = "idle_timeout"
        case callTimeout = "call_timeout"
        case bodyTooLarge = "body_too_large"
        case connectionClosed = "connection_closed"
        case invalidResponse = "invalid_response"
        case cancelled = "cancelled"
        /// The session was shut down.
        case shutdown = "shutdown"
        case other = "other"
    }

    /// What is known about the request's way to the server. It decides whether a paid call may have happened.
    public enum Delivery: Sendable, Hashable {
        /// No byte of the request left this process.
        case notSent
        /// Some or all of it was handed to the kernel: the server may have acted on it.
        case maybeSent
    }

    public let code: Code
    public let delivery: Delivery
    /// The cause in words, at most 500 characters; it never holds headers or bodies.
    public let detail: String

    public init(_ code: Code, delivery: Delivery, detail: String = "") {
        self.code = code
        self.delivery = delivery
        self.detail = detail.count <= 500 ? detail : String(detail.prefix(499)) + "…"
    }

    /// A label of which there are as many as codes.
    public var shortDescription: String { code.rawValue }

    public var description: String { detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)" }
}
