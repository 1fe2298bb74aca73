import NIOCore
import Testing

@testable import NIOURLSession

@Suite(.timeLimit(.minutes(1))) struct CallDeadlinesTests {
    private let timeouts = NIOURLSessionTimeouts(firstByte: .seconds(10), idle: .seconds(3), call: .seconds(20))

    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test func theFirstByteIsWaitedForFromTheLastByteSent() {
        var deadlines = CallDeadlines(start: at(0), timeouts: timeouts)
        deadlines.sent(at: at(2))
        #expect(deadlines.expired(at: at(11)) == nil)
        #expect(deadlines.expired(at: at(12)) == .firstByteTimeout)
    }

    @Test func everyPieceBeginsTheIdleTimeAnew() {
        var deadlines = CallDeadlines(start: at(0), timeouts: timeouts)
        deadlines.received(at: at(5))
        deadlines.received(at: at(7))
        #expect(deadlines.expired(at: at(9)) == nil)
        #expect(deadlines.expired(at: at(10)) == .idleTimeout)
    }

    @Test func aReaderThatHoldsBackIsNoIdlePeer() {
        var deadlines = CallDeadlines(start: at(0), timeouts: timeouts)
        deadlines.received(at: at(1))
        deadlines.held()
        #expect(deadlines.expired(at: at(19)) == nil)
        #expect(deadlines.expired(at: at(20)) == .callTimeout)
    }

    @Test func theTimerIsNeverLate() {
        var deadlines = CallDeadlines(start: at(0), timeouts: timeouts)
        let wake = deadlines.wake(after: at(0))
        deadlines.received(at: at(1))
        #expect(wake <= at(1) + .seconds(3))
        #expect(deadlines.wake(after: at(3)) == at(4))
        #expect(deadlines.wake(after: at(19)) <= at(20))
    }
}
