import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import NIOURLSession

@Suite(.timeLimit(.minutes(1))) struct StreamingSinkTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let sink = StreamingSink()

    /// Whether the sink asked for more at once.
    private func give(_ count: Int) async throws -> Bool {
        let isTaken = Flag()
        try await loop.submit { [loop, sink] in
            guard let held = sink.received(ByteBuffer(repeating: 1, count: count), on: loop) else {
                return isTaken.value.store(true, ordering: .relaxed)
            }
            held.whenSuccess { isTaken.value.store(true, ordering: .relaxed) }
        }.get()
        try await loop.submit {}.get()
        return isTaken.value.load(ordering: .relaxed)
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    @Test func aShortAnswerWaitsWhole() async throws {
        sink.received(HTTPResponse(status: .ok))
        for _ in 0..<10 { #expect(try await give(100)) }
        sink.finished()
        #expect(try await sink.head().get().status == .ok)
        #expect(try await sink.next(isolation: nil).get()?.count == 1_000, "all of it at once")
        #expect(try await sink.next(isolation: nil).get() == nil)
        #expect(try await sink.next(isolation: nil).get() == nil, "and no more, however often it is asked")
    }

    @Test func aFullWindowHoldsTheConnectionBack() async throws {
        #expect(try await give(64 << 10))
        #expect(try await !give(1))
        #expect(try await sink.next(isolation: nil).get()?.count == (64 << 10) + 1)
        #expect(try await give(1), "the reader has caught up")
    }

    @Test func aReaderThatWaitsTakesPieceByPiece() async throws {
        async let piece = sink.next(isolation: nil)
        _ = try await give(5)
        #expect(try await piece.get()?.count == 5)
    }

    @Test func whatCameBeforeAFailureIsHandedOver() async throws {
        sink.received(HTTPResponse(status: .ok))
        #expect(try await give(7))
        sink.failed(NIOURLSessionError(.connectionClosed, delivery: .maybeSent))
        #expect(try await sink.next(isolation: nil).get()?.count == 7)
        guard case .failure(let error) = await sink.next(isolation: nil) else { return #expect(Bool(false), "it had failed") }
        #expect(error.code == .connectionClosed)
    }
}
