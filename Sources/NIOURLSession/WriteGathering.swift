import NIOCore

/// Sends what one turn of the event loop wrote to a connection with one system call.
///
/// AsyncHTTPClient flushes a request's head, its body and its end each by itself: three calls to the kernel, and two packets that the
/// peer is woken for. Here a flush waits until the turn is over, microseconds later, and an end without bytes goes no further.
final class WriteGathering: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private var hasUnflushedWrites = false
    private var isFlushDue = false

    /// Stands next to the socket, where all is bytes already.
    static func install(on channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(WriteGathering(), position: .first)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .byteBuffer(let bytes) = Self.unwrapOutboundIn(data), bytes.readableBytes == 0 {
            promise?.succeed()
            return
        }
        hasUnflushedWrites = true
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        guard hasUnflushedWrites, !isFlushDue else { return }
        isFlushDue = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isFlushDue = false
            hasUnflushedWrites = false
            context.flush()
        }
    }
}
