import HTTPTypes
import NIOCore
import Synchronization

/// Gathers a whole answer in memory.
final class CollectingSink: ResponseSink {
    private struct Answer {
        var head: HTTPResponse?
        var body = ByteBuffer()
    }

    private let answer = Mutex(Answer())

    func received(_ head: HTTPResponse) {
        answer.withLock { $0.head = head }
    }

    func received(_ piece: ByteBuffer, on eventLoop: any EventLoop) -> EventLoopFuture<Void>? {
        answer.withLock { answer in
            if answer.body.readableBytes == 0 {
                // Most answers come in one piece: keep it as it is, without a copy.
                answer.body = piece
            } else {
                answer.body.writeImmutableBuffer(piece)
            }
        }
        return nil
    }

    func finished() {}

    func failed(_ error: NIOURLSessionError) {}

    /// The answer after the call has ended; nil if no head came.
    func take() -> (body: [UInt8], response: HTTPResponse)? {
        answer.withLock { answer in
            guard let head = answer.head else { return nil }
            return (Array(answer.body.readableBytesView), head)
        }
    }
}
