import Testing

@testable import Domain

/// Each committed number once, in order, none before a smaller one that commits later, and no gap that holds for ever.
@Suite(.timeLimit(.minutes(1))) struct EventOrderTests {
    @Test func whatIsWholeFlows() {
        var order = EventOrder(after: 10)
        #expect(order.read([11, 12, 13]) == 3)
        #expect(order.position == 13)
        #expect(!order.isBlocked)
        #expect(order.read([Int64]()) == 0)
    }

    @Test func aGapThatIsFilledNeedsNobody() {
        var order = EventOrder(after: 0)
        #expect(order.read([1, 3]) == 1)
        #expect(order.isBlocked)
        #expect(order.read([2, 3]) == 2)
        #expect(!order.isBlocked)
    }

    @Test func aGapEndsWithTheTransactionsThatRanThen() {
        var order = EventOrder(after: 0)
        #expect(order.read([3]) == 0)
        order.writers(["a", "b"])
        #expect(order.read([3]) == 0)
        // "c" began later: what it writes comes behind.
        order.writers(["b", "c"])
        #expect(order.read([3]) == 0)
        order.writers(["c"])
        #expect(order.read([2, 3]) == 2, "what one of them committed is read before the gap is passed over")
        #expect(order.position == 3)
    }

    @Test func aLaterGapDoesNotWaitForAnEarlierGapsWriters() {
        var order = EventOrder(after: 0)
        #expect(order.read([2]) == 0)
        order.writers(["long", "short"])
        #expect(order.read([1, 2]) == 2)
        #expect(order.read([4]) == 0)
        order.writers([])
        #expect(order.read([4]) == 1)
    }

    @Test func aNumberBehindTheGapsOfAReadIsNotPassedOverWithThem() {
        var order = EventOrder(after: 0)
        #expect(order.read([2]) == 0)
        order.writers([])
        // Nobody asked about 3.
        #expect(order.read([2, 4]) == 1)
        #expect(order.position == 2)
        #expect(order.isBlocked)
    }

    /// Transactions that take numbers, and commit or roll back whenever they like, against a reader that looks whenever it likes.
    @Test(arguments: 0..<300) func nothingIsLostOrDoubledOrEarly(seed: UInt64) {
        var random = SplitMix(state: seed)
        var order = EventOrder(after: 0)
        var last: Int64 = 0
        var open: [String: [Int64]] = [:]
        var committed: [Int64] = []
        var given: [Int64] = []
        var names = 0

        func step(_ random: inout SplitMix, mayBegin: Bool) {
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where mayBegin && open.count < 6:
                names += 1
                open["\(names)"] = []
            case 1, 2:
                guard mayBegin, let name = open.keys.sorted().randomElement(using: &random) else { return }
                last += 1
                open[name]?.append(last)
            case 3:
                guard let name = open.keys.sorted().randomElement(using: &random), let numbers = open.removeValue(forKey: name) else {
                    return
                }
                if Bool.random(using: &random) { committed += numbers }
            case 4:
                if order.isBlocked { order.writers(Set(open.keys)) }
            default:
                let page = committed.filter { $0 > order.position }.sorted().prefix(5)
                given += page.prefix(order.read(page))
            }
        }
        for _ in 0..<400 { step(&random, mayBegin: true) }
        // Everything ends, and the reader catches up.
        while !open.isEmpty { step(&random, mayBegin: false) }
        for _ in 0..<2_000 { step(&random, mayBegin: false) }
        #expect(given == committed.sorted())
    }
}

/// A generator that a seed repeats (Vigna, "SplitMix64").
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
