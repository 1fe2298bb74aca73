import NIOCore
import Synchronization

/// One reader's connection: watched from both sides. A reader that takes nothing for long is cut, and one that goes away is noticed at once,
/// not with the next event.
final class EventConnection: Sendable {
    private let channel: any Channel
    private let leaving: LeavingWatch
    private let writingSince = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameter left: called when the other end has closed its side, or the connection is gone.
    init(_ channel: any Channel, left: @escaping @Sendable () -> Void) {
        self.channel = channel
        leaving = LeavingWatch(left)
        // A server's connection stays open when its client says that it will send no more: whoever reads events says so by leaving.
        channel.pipeline.addHandler(leaving, position: .first).whenFailure { _ in left() }
    }

    /// The stream is over, and the connection may carry other requests.
    deinit { channel.pipeline.removeHandler(leaving, promise: nil) }

    /// Something is about to be written.
    func began() { writingSince.withLock { $0 = .now } }

    /// The connection has room again.
    func ended() { writingSince.withLock { $0 = nil } }

    /// Cuts it where a write has waited for longer than `patience`.
    func cutIfStuck(at now: ContinuousClock.Instant, patience: Duration) {
        if writingSince.withLock({ $0.map { now - $0 > patience } ?? false }) { channel.close(mode: .all, promise: nil) }
    }

    private final class LeavingWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let left: @Sendable () -> Void

        init(_ left: @escaping @Sendable () -> Void) { self.left = left }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed? = event as? ChannelEvent { left() }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) {
            left()
            context.fireChannelInactive()
        }
    }
}
