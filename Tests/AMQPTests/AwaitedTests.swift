import Testing

@testable import AMQP

/// An answer and whoever waits for it, in either order.
@Suite(.timeLimit(.minutes(1))) struct AwaitedTests {
    @Test func aValueThatComesFirstIsKept() async {
        var awaited = Awaited<Int>.expected
        let wasTaken = awaited.arrive(1)
        #expect(!wasTaken)
        #expect(awaited.hasArrived)
        var wasThere = false
        let value = await withCheckedContinuation { wasThere = awaited.wait($0) }
        #expect(wasThere && value == 1)
    }

    @Test func aValueThatComesLaterIsHandedOver() async {
        var awaited = Awaited<Int>.expected
        var (wasThere, hadArrived, wasTaken) = (true, true, false)
        let value = await withCheckedContinuation { continuation in
            wasThere = awaited.wait(continuation)
            hadArrived = awaited.hasArrived
            wasTaken = awaited.arrive(2)
        }
        #expect(!wasThere && !hadArrived && wasTaken && value == 2)
    }
}
