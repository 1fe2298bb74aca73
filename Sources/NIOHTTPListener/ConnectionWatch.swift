import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Watches one connection: closes it where its caller is too slow, or has too many, and ends it well when the listener ends.
///
/// A connection that is closed while a request is on its way loses that request, and its caller may not know whether it may send it again
/// (RFC 9112 §9.3.1). So the listener's end is said in the next answer (`Connection: close`), and only who sends nothing for a while is closed
/// without one.
///
/// It stands behind the decoder and sees requests; a second handler before everything else sees that bytes come. A timer is set at most once
/// a connection and time limit, not once a request.
final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let bounds: ConnectionBounds
    private var pace: RequestPace
    private var timer: Scheduled<Void>?
    /// When it rings.
    private var alarm = ContinuousClock.Instant.now
    /// Counted there until the connection ends.
    private var address: String?
    private var isEnding = false
    /// The listener's end, which the handler behind this one is told of later.
    private var heldEnd: Any?

    init(_ bounds: ConnectionBounds) {
        self.bounds = bounds
        pace = RequestPace(headLimit: bounds.headTime)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        try? context.pipeline.syncOperations.addHandler(FirstBytes(self, context), position: .first)
        if context.channel.isActive { enter(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        enter(context)
        context.fireChannelActive()
    }

    private func enter(_ context: ChannelHandlerContext) {
        guard let addresses = bounds.addresses, address == nil, let address = context.remoteAddress?.ipAddress else { return }
        guard addresses.enter(address) else {
            context.close(promise: nil)
            return
        }
        self.address = address
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let address { bounds.addresses?.leave(address) }
        address = nil
        heldEnd = nil
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            pace.headCame(at: .now, bodyLimit: bounds.bodyTime(head.headerFields))
            watch(context)
        case .body: break
        case .end: pace.bodyEnded()
        }
        context.fireChannelRead(data)
        // From here on the connection is closed behind the answer.
        if !pace.awaitsHead { passOnEnd(context) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where isEnding && head.status.kind != .informational:
            head.headerFields[.connection] = "close"
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end: pace.answered()
        case .head, .body: break
        }
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        isEnding = true
        guard pace.awaitsHead, bounds.linger > .zero else { return context.fireUserInboundEventTriggered(event) }
        heldEnd = event
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(bounds.linger)) {
            // Half a head has its own time limit.
            if self.pace.isIdle { self.passOnEnd(context) }
        }
    }

    private func passOnEnd(_ context: ChannelHandlerContext) {
        guard let event = heldEnd else { return }
        heldEnd = nil
        context.fireUserInboundEventTriggered(event)
    }

    fileprivate func bytesCame(_ context: ChannelHandlerContext) {
        pace.bytesCame(at: .now)
        watch(context)
    }

    private func watch(_ context: ChannelHandlerContext) {
        guard let deadline = pace.deadline else { return }
        // A timer that rings earlier looks again.
        if timer != nil, alarm <= deadline { return }
        timer?.cancel()
        let now = ContinuousClock.now
        guard now < deadline else { return context.close(promise: nil) }
        alarm = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .init(deadline - now)) {
            self.timer = nil
            self.watch(context)
        }
    }

    /// The first handler of the connection, before decryption.
    private final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private let watch: ConnectionWatch
        private let context: ChannelHandlerContext

        init(_ watch: ConnectionWatch, _ context: ChannelHandlerContext) {
            self.watch = watch
            self.context = context
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            watch.bytesCame(self.context)
            context.fireChannelRead(data)
        }
    }
}
