import NIOCore
import NIOHTTP1

/// Hands on as one piece what one read from a connection brought of an answer's body.
///
/// An engine that streams sends each word as a chunk of its own, and several of them often come at once. AsyncHTTPClient carries each
/// chunk through its state machines and waits for a future before the next one: that costs more than all else that is done with a word.
///
/// It also ends a connection whose peer answers with a status below 100. AsyncHTTPClient takes such an answer's head for an informational
/// one, which has no end, and stops the process at its end (`HTTPRequestStateMachine.receivedHTTPResponseEnd`, 1.37.0): a peer must not be
/// able to do that.
final class ReadGathering: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    /// Bytes of a piece that is put together; larger ones are not worth the copy.
    private static let limit = 16 << 10
    /// Room that is made when a second chunk comes.
    private static let room = 4 << 10

    private var isRefused = false
    /// What waits for the end of the read.
    private var body: ByteBuffer?
    /// `body` was put together here; else it is a part of what was read.
    private var isCopy = false

    /// Stands between the connection's decoder and the client's own handler.
    static func install(on channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(ReadGathering(), position: .after(decoder))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isRefused { return }
        switch Self.unwrapInboundIn(data) {
        case .body(let piece): gather(piece, context)
        case .head(let head) where head.status.code < 100:
            isRefused = true
            context.fireErrorCaught(NIOURLSessionError(.invalidResponse, delivery: .maybeSent, detail: "status \(head.status.code)"))
            context.close(promise: nil)
        case .head, .end:
            handOn(context)
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        handOn(context)
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        handOn(context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        handOn(context)
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        handOn(context)
        context.fireUserInboundEventTriggered(event)
    }

    private func gather(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        if let size = body?.readableBytes, size + piece.readableBytes > Self.limit { handOn(context) }
        // Taken out of the property, so that the bytes have one owner and are written in place.
        guard var gathered = body.take() else {
            body = piece
            return
        }
        if !isCopy {
            var copy = context.channel.allocator.buffer(capacity: max(Self.room, gathered.readableBytes + piece.readableBytes))
            copy.writeImmutableBuffer(gathered)
            (gathered, isCopy) = (copy, true)
        }
        gathered.writeImmutableBuffer(piece)
        body = gathered
    }

    private func handOn(_ context: ChannelHandlerContext) {
        guard let gathered = body.take() else { return }
        isCopy = false
        context.fireChannelRead(Self.wrapInboundOut(.body(gathered)))
    }
}
