import Testing

@testable import AMQP

/// An answer and whoever waits for it, in either order.
@Suite(.timeLimit(.minutes(1))) struct AwaitedTests {
    @Test func aValueThatComesFirstIsKept() async {
        var awaited = Awaited<Int>.expected
        #expect(!awaited.arrive(1))
        #expect(awaited.hasArrived)
        let value = await withCheckedContinuation { #expect(awaited.wait($0)) }
        #expect(value == 1)
    }

    @Test func aValueThatComesLaterIsHandedOver() async {
        var awaited = Awaited<Int>.expected
        let value = await withCheckedContinuation { continuation in
            #expect(!awaited.wait(continuation))
            #expect(!awaited.hasArrived)
            #expect(awaited.arrive(2))
        }
        #expect(value == 2)
    }
}
