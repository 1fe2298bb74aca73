import Domain
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix
import NIOSSL

/// One POST to an address that was looked at: a connection of its own, no redirects, and a bound on everything.
struct WebhookCall: Sendable {
    struct Answer: Sendable {
        var status: Int
        /// Seconds, where the receiver asks for a pause.
        var retryAfter: Int?
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static let connectTimeout = TimeAmount.seconds(5)
    /// The whole call.
    static let timeout = TimeAmount.seconds(15)
    /// Bytes of an answer, which nobody reads.
    private static let answerLimit = 64 << 10

    let url: WebhookURL
    let headers: [(String, String)]
    let body: String
    let tls: NIOSSLContext

    /// - Throws: `Failure` where no answer came in time; what connecting throws.
    func post(to address: SocketAddress) async throws -> Answer {
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.connectTimeout)
            .connect(to: address) { [url, tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if url.isEncrypted {
                        // An address is no name to be shown (RFC 6066 §3); its certificate is checked against the address.
                        let name = (try? SocketAddress(ipAddress: url.host, port: url.port)) == nil ? url.host : nil
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
                    }
                    try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                    try pipeline.addHandler(HTTP1ToHTTPClientCodec())
                    return try NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>(wrappingChannelSynchronously: channel)
                }
            }
        let channel = connection.channel
        let timer = channel.eventLoop.scheduleTask(in: Self.timeout) { channel.close(promise: nil) }
        defer { timer.cancel() }
        return try await connection.executeThenClose { inbound, outbound in
            try await outbound.write(.head(head))
            try await outbound.write(.body(ByteBuffer(string: body)))
            try await outbound.write(.end(nil))
            return try await Self.answer(inbound)
        }
    }

    private var head: HTTPRequest {
        var fields: HTTPFields = [
            .contentType: "application/json", .contentLength: "\(body.utf8.count)", .userAgent: "Chorus-Webhooks/1", .connection: "close",
        ]
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return HTTPRequest(
            method: .post, scheme: url.isEncrypted ? "https" : "http", authority: url.authority, path: url.target, headerFields: fields)
    }

    private static func answer(_ inbound: NIOAsyncChannelInboundStream<HTTPResponsePart>) async throws -> Answer {
        var answer: Answer?
        var received = 0
        for try await part in inbound {
            switch part {
            case .head(let head):
                answer = Answer(status: head.status.code, retryAfter: head.headerFields[.retryAfter].flatMap { Int($0) })
            case .body(let piece):
                received += piece.readableBytes
                // It has said what counts.
                if received > answerLimit, let answer { return answer }
            case .end: if let answer { return answer }
            }
        }
        throw Failure(description: "the receiver did not answer within 15 s, or closed the connection")
    }
}
