import HTTPTypes
import NIOCore

/// Where an answer goes as it arrives. All functions but ``failed(_:)`` run on the call's event loop, one at a time.
protocol ResponseSink: Sendable {
    func received(_ head: HTTPResponse)
    /// Takes a piece. The next one comes at once, or where a future is given, when that succeeds; one that fails ends the call and closes its
    /// connection.
    func received(_ piece: ByteBuffer, on eventLoop: any EventLoop) -> EventLoopFuture<Void>?
    func finished()
    func failed(_ error: NIOURLSessionError)
}
