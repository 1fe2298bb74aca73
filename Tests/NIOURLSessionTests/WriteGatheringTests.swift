import NIOCore
import NIOEmbedded
import Testing

@testable import NIOURLSession

@Suite struct WriteGatheringTests {
    /// Notes what reaches the socket, and in how many flushes.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = IOData
        var log: [String] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if case .byteBuffer(let bytes) = Self.unwrapOutboundIn(data) { log.append(String(buffer: bytes)) }
            context.write(data, promise: promise)
        }

        func flush(context: ChannelHandlerContext) {
            log.append("|")
            context.flush()
        }
    }

    @Test func oneTurnIsOneFlushAndNothingEmptyIsSent() throws {
        let socket = Socket()
        let channel = EmbeddedChannel(handlers: [socket, WriteGathering()])
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/nowhere")).wait()
        let end = channel.eventLoop.makePromise(of: Void.self)
        for part in ["head", "body"] { channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(string: part)), promise: nil) }
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer()), promise: end)
        #expect(socket.log == ["head", "body"])
        channel.embeddedEventLoop.run()
        #expect(socket.log == ["head", "body", "|"])
        try end.futureResult.wait()
        // An empty end in a turn of its own asks nothing of the socket.
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer()), promise: nil)
        channel.embeddedEventLoop.run()
        #expect(socket.log == ["head", "body", "|"])
        channel.writeAndFlush(IOData.byteBuffer(ByteBuffer(string: "next")), promise: nil)
        channel.embeddedEventLoop.run()
        #expect(socket.log == ["head", "body", "|", "next", "|"])
        _ = try channel.finish()
    }
}
