import Testing

@testable import NIOHTTPListener

/// What one connection is granted of time, and one address of connections.
@Suite struct RequestPaceTests {
    private let start = ContinuousClock.now

    @Test func aDrippingHeadIsOverdue() {
        var pace = RequestPace(headLimit: .seconds(20))
        #expect(pace.verdict(at: start) == .fine)
        for second in 0..<20 { pace.bytesCame(at: start + .seconds(second)) }
        #expect(pace.verdict(at: start + .seconds(19)) == .pending(until: start + .seconds(20)))
        #expect(pace.verdict(at: start + .seconds(20)) == .overdue)
    }

    @Test func aBodyHasATimeOfItsOwn() {
        var pace = RequestPace(headLimit: .seconds(20))
        pace.bytesCame(at: start)
        pace.headCame(at: start + .seconds(19), bodyLimit: .seconds(60))
        #expect(pace.verdict(at: start + .seconds(78)) == .pending(until: start + .seconds(79)))
        pace.answered()
        #expect(pace.verdict(at: start + .seconds(79)) == .overdue)
        pace.bodyEnded()
        pace.bytesCame(at: start + .seconds(80))
        #expect(pace.verdict(at: start + .seconds(500)) == .fine)
    }

    @Test func aConnectionThatRestsIsAwaitedForNothing() {
        var pace = RequestPace(headLimit: .seconds(20))
        pace.headCame(at: start, bodyLimit: .seconds(60))
        pace.bodyEnded()
        pace.answered()
        #expect(pace.verdict(at: start + .seconds(3_600)) == .fine)
        pace.bytesCame(at: start + .seconds(3_600))
        #expect(pace.verdict(at: start + .seconds(3_601)) == .pending(until: start + .seconds(3_620)))
    }

    @Test func anAddressHasItsPartOfTheConnections() {
        let addresses = ConnectionsByAddress(limit: 2)
        #expect(addresses.enter("a") && addresses.enter("a") && !addresses.enter("a") && addresses.enter("b"))
        addresses.leave("a")
        #expect(addresses.enter("a"))
    }
}
