import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// A connection to a gateway that sends what it is told, when it is told.
struct RawConnection {
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Closes the connection behind `body`. With `tls` it is encrypted, and the gateway has to be `localhost`.
    static func with(port: Int, tls: TLSConfiguration? = nil, _ body: (RawConnection) async throws -> Void) async throws {
        let encryption = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: encryption, serverHostname: "localhost"))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(inbound: inbound, outbound: outbound))
        }
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

    /// The head of an upload with one more header.
    func sendHead(project: String, key: String, _ header: String) async throws {
        try await send(
            "POST /v1/projects/\(project)/tasks HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(key)\r\n"
                + "content-type: application/x-ndjson\r\n\(header)\r\n\r\n")
    }

    /// All that comes until the gateway closes the connection, which may be before it has read all that was sent (ECONNRESET).
    func answer() async throws -> String {
        var answer = ""
        do {
            for try await piece in inbound { answer += String(buffer: piece) }
        } catch let error as IOError where error.errnoCode == ECONNRESET {}
        return answer
    }

    /// What comes until it begins with a whole head.
    func head() async throws -> String {
        var answer = ""
        for try await piece in inbound {
            answer += String(buffer: piece)
            if answer.contains("\r\n\r\n") { break }
        }
        return answer
    }
}
