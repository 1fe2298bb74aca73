import HTTPTypes
import NIOCore
import Synchronization

/// Hands an answer to a reader piece by piece: at most one piece waits, and the socket waits with it.
final class StreamingSink: ResponseSink {
    private typealias HeadResult = Result<HTTPResponse, NIOURLSessionError>
    private typealias PieceResult = Result<[UInt8]?, NIOURLSessionError>

    private struct State {
        var head: HeadResult?
        var headWaiter: CheckedContinuation<HeadResult, Never>?
        var piece: (bytes: ByteBuffer, taken: EventLoopPromise<Void>)?
        var pieceWaiter: CheckedContinuation<PieceResult, Never>?
        var end: PieceResult?
    }

    private let state = Mutex(State())

    func received(_ head: HTTPResponse) {
        settle(head: .success(head))
    }

    func received(_ piece: ByteBuffer, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let taken = eventLoop.makePromise(of: Void.self)
        let waiter = state.withLock { state in
            guard let waiter = state.pieceWaiter else {
                state.piece = (piece, taken)
                return CheckedContinuation<PieceResult, Never>?.none
            }
            state.pieceWaiter = nil
            return waiter
        }
        if let waiter {
            waiter.resume(returning: .success(Array(piece.readableBytesView)))
            taken.succeed()
        }
        return taken.futureResult
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

    /// The next piece, nil after the last.
    func next(isolation: isolated (any Actor)?) async -> Result<[UInt8]?, NIOURLSessionError> {
        await withCheckedContinuation(isolation: isolation) { continuation in
            let (known, taken) = state.withLock { state -> (PieceResult?, EventLoopPromise<Void>?) in
                if let piece = state.piece {
                    state.piece = nil
                    return (.success(Array(piece.bytes.readableBytesView)), piece.taken)
                }
                if let end = state.end { return (end, nil) }
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
                if case .failure = end { state.piece = nil }
            }
            if state.end == nil { state.end = end }
            let dropped = if case .failure = end { state.piece?.taken } else { EventLoopPromise<Void>?.none }
            return (state.pieceWaiter, dropped)
        }
        waiter?.resume(returning: end)
        taken?.succeed()
    }
}
