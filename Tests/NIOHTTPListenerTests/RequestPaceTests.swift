import Testing

@testable import NIOHTTPListener

/// What one connection is granted of time, and one address of connections.
@Suite struct RequestPaceTests {
    private let start = ContinuousClock.now

    @Test func aDrippingHeadIsOverdue() {
        var pace = RequestPace(headLimit: .seconds(20))
        #expect(pace.deadline == nil)
        for second in 0..<20 { pace.bytesCame(at: start + .seconds(second)) }
        #expect(pace.deadline == start + .seconds(20))
    }

    @Test func aBodyHasATimeOfItsOwn() {
        var pace = RequestPace(headLimit: .seconds(20))
        pace.bytesCame(at: start)
        pace.headCame(at: start + .seconds(19), bodyLimit: .seconds(60))
        pace.answered()
        #expect(pace.deadline == start + .seconds(79))
        pace.bodyEnded()
        pace.bytesCame(at: start + .seconds(80))
        #expect(pace.deadline == nil)
    }

    @Test func aConnectionThatRestsIsAwaitedForNothing() {
        var pace = RequestPace(headLimit: .seconds(20))
        pace.headCame(at: start, bodyLimit: .seconds(60))
        pace.bodyEnded()
        pace.answered()
        #expect(pace.deadline == nil)
        pace.bytesCame(at: start + .seconds(3_600))
        #expect(pace.deadline == start + .seconds(3_620))
    }

    @Test func anAddressHasItsPartOfTheConnections() {
        let addresses = ConnectionsByAddress(limit: 2)
        #expect(addresses.enter("a") && addresses.enter("a") && !addresses.enter("a") && addresses.enter("b"))
        addresses.leave("a")
        #expect(addresses.enter("a"))
    }
}
