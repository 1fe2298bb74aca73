import AsyncHTTPClient
import Synchronization

/// An answer's body as it arrives, piece by piece. One reader; the connection is read no faster than the pieces are taken.
///
/// Dropping it before its end closes the connection.
public struct NIOURLSessionBytes: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = NIOURLSessionError

    /// Ends the call when the last reader is gone, if it has not ended by then.
    final class Lease: Sendable {
        let task: HTTPClient.Task<Void>
        private let sink: StreamingSink

        init(task: HTTPClient.Task<Void>, sink: StreamingSink) {
            self.task = task
            self.sink = sink
        }

        deinit { if !sink.hasEnded { task.cancel() } }
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let sink: StreamingSink
        let lease: Lease

        public mutating func next() async throws(NIOURLSessionError) -> [UInt8]? {
            try await next(isolation: nil)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(NIOURLSessionError) -> [UInt8]? {
            // A short answer is there whole: nothing has to be waited for.
            if let known = sink.nextIfKnown() { return try known.get() }
            let lease = lease
            let sink = sink
            let result: Result<[UInt8]?, NIOURLSessionError> = await withTaskCancellationHandler {
                await sink.next(isolation: actor)
            } onCancel: {
                lease.task.cancel()
            }
            return try result.get()
        }
    }

    let sink: StreamingSink
    let lease: Lease

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(sink: sink, lease: lease)
    }
}
