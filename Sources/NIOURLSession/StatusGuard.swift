import NIOCore
import NIOHTTP1

/// Ends a connection whose peer answers with a status below 100.
///
/// AsyncHTTPClient takes such an answer's head for an informational one, which has no end, and stops the process at its end
/// (`HTTPRequestStateMachine.receivedHTTPResponseEnd`, 1.37.0). A peer must not be able to do that.
final class StatusGuard: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var isClosed = false

    /// Stands between the connection's decoder and the client's own handler.
    static func install(on channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(StatusGuard(), position: .after(decoder))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosed { return }
        if case .head(let head) = unwrapInboundIn(data), head.status.code < 100 {
            isClosed = true
            context.fireErrorCaught(NIOURLSessionError(.invalidResponse, delivery: .maybeSent, detail: "status \(head.status.code)"))
            context.close(promise: nil)
        } else {
            context.fireChannelRead(data)
        }
    }
}
