import HTTPTypes
import NIOCore
import Synchronization

/// Hands an answer to a reader piece by piece: a window of bytes may wait, then the socket waits with them.
///
/// A short answer fits the window whole, its end with it: the reader finds all of it at once, and the event loop waits for nobody.
final class StreamingSink: ResponseSink {
    private typealias HeadResult = Result<HTTPResponse, NIOURLSessionError>
    private typealias PieceResult = Result<[UInt8]?, NIOURLSessionError>

    private struct State {
        var head: HeadResult?
        var headWaiter: CheckedContinuation<HeadResult, Never>?
        /// What came since the reader last took something.
        var waiting: [UInt8] = []
        /// The connection is held back until the reader takes what waits.
        var taken: EventLoopPromise<Void>?
        var pieceWaiter: CheckedContinuation<PieceResult, Never>?
        var end: PieceResult?
    }

    /// Bytes that may wait before the connection is held back.
    private static let window = 64 << 10
    /// Bytes that are made room for when a first piece waits.
    private static let room = 4 << 10

    private let state = Mutex(State())

    func received(_ head: HTTPResponse) {
        settle(head: .success(head))
    }

    func received(_ piece: ByteBuffer, on eventLoop: any EventLoop) -> EventLoopFuture<Void>? {
        let (waiter, held) = state.withLock { state -> (CheckedContinuation<PieceResult, Never>?, EventLoopFuture<Void>?) in
            if let waiter = state.pieceWaiter {
                state.pieceWaiter = nil
                return (waiter, nil)
            }
            // Pieces are often words of one answer: room for some.
            if state.waiting.isEmpty { state.waiting.reserveCapacity(max(piece.readableBytes, Self.room)) }
            piece.withUnsafeReadableBytes { state.waiting.append(contentsOf: $0) }
            guard state.waiting.count > Self.window else { return (nil, nil) }
            let taken = eventLoop.makePromise(of: Void.self)
            state.taken = taken
            return (nil, taken.futureResult)
        }
        waiter?.resume(returning: .success(Array(piece.readableBytesView)))
        return held
    }

    func finished() {
        settle(end: .success(nil))
    }

    func failed(_ error: NIOURLSessionError) {
        settle(head: .failure(error))
        settle(end: .failure(error))
    }

    /// The answer's head, or why none came.
    func head() async -> Result<HTTPResponse, NIOURLSessionError> {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state in
                if state.head == nil { state.headWaiter = continuation }
                return state.head
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    /// The answer has come to its end, or failed.
    var hasEnded: Bool { state.withLock { $0.end != nil } }

    /// The next piece, nil after the last; nil for what has to be waited for.
    func nextIfKnown() -> Result<[UInt8]?, NIOURLSessionError>? {
        let (known, taken) = state.withLock { Self.take(&$0) }
        taken?.succeed()
        return known
    }

    /// The next piece, nil after the last.
    func next(isolation: isolated (any Actor)?) async -> Result<[UInt8]?, NIOURLSessionError> {
        await withCheckedContinuation(isolation: isolation) { continuation in
            let (known, taken) = state.withLock { state -> (PieceResult?, EventLoopPromise<Void>?) in
                let next = Self.take(&state)
                if next.known != nil { return next }
                if state.pieceWaiter != nil {
                    let error = NIOURLSessionError(.invalidRequest, delivery: .maybeSent, detail: "two readers of one stream")
                    return (.failure(error), nil)
                }
                state.pieceWaiter = continuation
                return (nil, nil)
            }
            if let known { continuation.resume(returning: known) }
            taken?.succeed()
        }
    }

    /// What waits, and whom to tell that it does not wait any longer; else the end.
    private static func take(_ state: inout State) -> (known: PieceResult?, taken: EventLoopPromise<Void>?) {
        guard !state.waiting.isEmpty else { return (state.end, nil) }
        defer {
            state.waiting = []
            state.taken = nil
        }
        return (.success(state.waiting), state.taken)
    }

    private func settle(head: HeadResult) {
        let waiter = state.withLock { state in
            if state.head == nil { state.head = head }
            defer { state.headWaiter = nil }
            return state.headWaiter
        }
        waiter?.resume(returning: head)
    }

    private func settle(end: PieceResult) {
        let (waiter, taken) = state.withLock { state in
            defer {
                state.pieceWaiter = nil
                state.taken = nil
            }
            if state.end == nil { state.end = end }
            return (state.pieceWaiter, state.taken)
        }
        waiter?.resume(returning: end)
        taken?.succeed()
    }
}
