import Testing

@testable import AMQP

private func message(_ body: String = "", key: String = "k", mandatory: Bool = true) -> AMQPMessage {
    AMQPMessage(exchange: "e", routingKey: key, body: Array(body.utf8), isMandatory: mandatory)
}

@Suite(.timeLimit(.minutes(1)))
struct ContentAssemblerTests {
    private let delivery = ContentMethod.delivered(consumer: "0", tag: 1, isRedelivered: false, exchange: "e", routingKey: "k")
    private let properties = AMQPMessage(exchange: "", routingKey: "", body: [])

    @Test func putsFragmentsTogether() {
        var machine = ContentAssembler(maxBodySize: 10)
        #expect(machine.method(delivery) == .wait)
        #expect(machine.header(size: 3, properties: properties) == .wait)
        #expect(machine.body([1, 2]) == .wait)
        #expect(machine.body([3]) == .complete(delivery, AMQPMessage(exchange: "e", routingKey: "k", body: [1, 2, 3])))
        #expect(machine.method(delivery) == .wait)
    }

    @Test func emptyBodyIsCompleteWithItsHeader() {
        var machine = ContentAssembler(maxBodySize: 10)
        _ = machine.method(delivery)
        #expect(
            machine.header(size: 0, properties: properties) == .complete(delivery, AMQPMessage(exchange: "e", routingKey: "k", body: [])))
    }

    @Test func countsALargeBodyAndDoesNotKeepIt() {
        var machine = ContentAssembler(maxBodySize: 10)
        _ = machine.method(delivery)
        #expect(machine.header(size: 11, properties: properties) == .wait)
        #expect(machine.body(Array(repeating: 1, count: 10)) == .wait)
        #expect(machine.body([1]) == .oversized(delivery, AMQPMessage(exchange: "e", routingKey: "k", body: []), size: 11))
        #expect(machine.method(delivery) == .wait)
    }

    @Test func refusesASizeThatNobodyCanCount() {
        var machine = ContentAssembler(maxBodySize: 10)
        _ = machine.method(delivery)
        #expect(machine.header(size: .max, properties: properties) == .violation("a body of \(UInt64.max) bytes"))
    }

    @Test func knowsTheDeliveryWhoseHeaderIsToCome() {
        var machine = ContentAssembler(maxBodySize: 10)
        #expect(machine.tagAwaitingHeader == nil)
        _ = machine.method(delivery)
        #expect(machine.tagAwaitingHeader == 1)
        _ = machine.header(size: 1, properties: properties)
        #expect(machine.tagAwaitingHeader == nil)
    }

    @Test func refusesFramesOutOfTurn() {
        var machine = ContentAssembler(maxBodySize: 10)
        #expect(machine.body([1]) == .violation("a body without a header"))
        #expect(machine.header(size: 1, properties: properties) == .violation("a content header without a method"))
        _ = machine.method(delivery)
        #expect(machine.method(delivery) == .violation("a method amid the content of another"))
        _ = machine.header(size: 1, properties: properties)
        #expect(machine.body([1, 2]) == .violation("a body longer than its header says"))
    }
}

@Suite(.timeLimit(.minutes(1)))
struct CallQueueTests {
    @Test func repliesGoToCallsInOrder() {
        var queue = CallQueue()
        queue.begin(1, expecting: [10, 20])
        queue.begin(2, expecting: [10])
        #expect(queue.replied(MethodReply(id: 10)) == .wait)
        #expect(queue.replied(MethodReply(id: 20)) == .finished(.init(call: 1, replies: [MethodReply(id: 10), MethodReply(id: 20)])))
        #expect(queue.replied(MethodReply(id: 10)) == .finished(.init(call: 2, replies: [MethodReply(id: 10)])))
        #expect(queue.isEmpty)
    }

    @Test func unaskedRepliesAreViolations() {
        var queue = CallQueue()
        #expect(queue.replied(MethodReply(id: 10)) == .violation)
        queue.begin(1, expecting: [10])
        #expect(queue.replied(MethodReply(id: 20)) == .violation)
    }

    @Test func closingKeepsWhatWasAnswered() {
        var queue = CallQueue()
        queue.begin(1, expecting: [10, 10])
        _ = queue.replied(MethodReply(id: 10, messageCount: 7))
        #expect(queue.closed() == [.init(call: 1, replies: [MethodReply(id: 10, messageCount: 7)])])
        #expect(queue.isEmpty)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct PublishQueueTests {
    private func opened(capacity: Int = 100) -> PublishQueue {
        var queue = PublishQueue(capacity: capacity)
        queue.opened()
        return queue
    }

    private func drain(_ queue: inout PublishQueue) -> Int {
        var count = 0
        while queue.takeNext() != nil { count += 1 }
        return count
    }

    @Test func sendsNothingBeforeTheChannelIsOpen() throws {
        var queue = PublishQueue(capacity: 10)
        _ = try queue.submit([message()])
        #expect(queue.takeNext() == nil)
        queue.opened()
        #expect(queue.takeNext() == message())
        #expect(queue.isIdle)
    }

    @Test func multipleConfirmsFinishBatches() throws {
        var queue = opened()
        let first = try queue.submit([message("a"), message("b")])
        let second = try queue.submit([message("c")])
        #expect(drain(&queue) == 3)
        #expect(try queue.confirmed(1, multiple: false) == [])
        #expect(
            try queue.confirmed(3, multiple: true) == [
                .init(batch: first, outcomes: [.confirmed, .confirmed]), .init(batch: second, outcomes: [.confirmed]),
            ])
    }

    @Test func confirmsComeInAnyOrder() throws {
        var queue = opened()
        let batch = try queue.submit([message("a"), message("b"), message("c")])
        _ = drain(&queue)
        #expect(try queue.confirmed(3, multiple: false) == [])
        #expect(try queue.refused(1, multiple: false) == [])
        #expect(try queue.confirmed(3, multiple: false) == [])
        #expect(try queue.confirmed(2, multiple: false) == [.init(batch: batch, outcomes: [.refused, .confirmed, .confirmed])])
        #expect(try queue.confirmed(1, multiple: false) == [])
    }

    @Test func tagZeroConfirmsEverything() throws {
        var queue = opened()
        let batch = try queue.submit([message("a"), message("b")])
        _ = drain(&queue)
        #expect(try queue.confirmed(0, multiple: true) == [.init(batch: batch, outcomes: [.confirmed, .confirmed])])
        #expect(try queue.confirmed(0, multiple: true) == [])
    }

    @Test func numbersNeverSentAreViolations() throws {
        var queue = opened()
        _ = try queue.submit([message()])
        #expect(throws: AMQPError.self) { try queue.confirmed(1, multiple: false) }
        _ = drain(&queue)
        #expect(throws: AMQPError.self) { try queue.confirmed(2, multiple: true) }
        #expect(throws: AMQPError.self) { try queue.confirmed(0, multiple: false) }
    }

    @Test func returnsAreMatchedInOrder() throws {
        var queue = opened()
        let batch = try queue.submit([message("a"), message("x", key: "none"), message("b"), message("x", key: "none")])
        _ = drain(&queue)
        queue.returned(message("x", key: "none"), code: 312, text: "NO_ROUTE")
        queue.returned(message("x", key: "none"), code: 312, text: "NO_ROUTE")
        let returned = AMQPPublishOutcome.returned(code: 312, text: "NO_ROUTE")
        #expect(
            try queue.confirmed(4, multiple: true) == [.init(batch: batch, outcomes: [.confirmed, returned, .confirmed, returned])])
    }

    @Test func abandonedBatchesKeepTheirNumbers() throws {
        var queue = opened()
        let first = try queue.submit([message("a"), message("b")])
        _ = queue.takeNext()
        #expect(queue.abandon(first) == .init(batch: first, outcomes: [.unknown, .unknown]))
        let second = try queue.submit([message("c")])
        #expect(queue.takeNext() == message("c"))
        #expect(try queue.confirmed(1, multiple: false) == [])
        #expect(try queue.confirmed(2, multiple: false) == [.init(batch: second, outcomes: [.confirmed])])
    }

    @Test func closingSettlesEverything() throws {
        var queue = opened()
        let first = try queue.submit([message("a"), message("b")])
        let second = try queue.submit([message("c")])
        _ = queue.takeNext()
        _ = queue.takeNext()
        _ = try queue.confirmed(1, multiple: false)
        #expect(
            queue.closed() == [.init(batch: first, outcomes: [.confirmed, .unknown]), .init(batch: second, outcomes: [.unknown])])
        #expect(queue.isIdle)
        queue.opened()
        let third = try queue.submit([message("d")])
        #expect(queue.takeNext() == message("d"))
        #expect(try queue.confirmed(1, multiple: false) == [.init(batch: third, outcomes: [.confirmed])])
    }

    @Test func anotherChannelSendsWhatThisOneDidNot() throws {
        var queue = opened()
        let first = try queue.submit([message("a"), message("b")])
        _ = queue.takeNext()
        queue.stopped()
        #expect(queue.takeNext() == nil && !queue.isSettled)
        #expect(try queue.confirmed(1, multiple: false) == [])
        #expect(queue.isSettled)
        queue.opened()
        #expect(queue.takeNext() == message("b"))
        #expect(try queue.confirmed(1, multiple: false) == [.init(batch: first, outcomes: [.confirmed, .confirmed])])
    }

    @Test func capacityIsABound() throws {
        var queue = opened(capacity: 2)
        let batch = try queue.submit([message(), message()])
        #expect { try queue.submit([message()]) } throws: { ($0 as? AMQPError)?.code == .overloaded }
        _ = drain(&queue)
        _ = queue.abandon(batch)
        #expect(throws: AMQPError.self) { try queue.submit([message()]) }
        _ = try queue.confirmed(2, multiple: true)
        _ = try queue.submit([message()])
    }
}

@Suite(.timeLimit(.minutes(1)))
struct UnsettledTagsTests {
    private func tags(_ range: ClosedRange<UInt64>) -> UnsettledTags {
        var tags = UnsettledTags()
        for tag in range { deliver(tag, to: &tags) }
        return tags
    }

    private func deliver(_ tag: UInt64, to tags: inout UnsettledTags) {
        let isInOrder = tags.delivered(tag)
        #expect(isInOrder)
    }

    @Test func oneFrameForAContiguousBeginning() {
        var tags = tags(1...5)
        #expect(tags.settle([3, 1, 2]) == [.init(tag: 3, multiple: true)])
        #expect(tags.settle([4]) == [.init(tag: 4, multiple: false)])
        #expect(tags.count == 1)
    }

    @Test func noMultipleOverWhatIsHeld() {
        var tags = tags(1...5)
        #expect(tags.settle([2, 3]) == [.init(tag: 2, multiple: false), .init(tag: 3, multiple: false)])
        #expect(tags.settle([1, 4]) == [.init(tag: 4, multiple: true)])
        #expect(tags.settle([5]) == [.init(tag: 5, multiple: false)])
    }

    @Test func theUnknownAndTheSettledAreLeftOut() {
        var tags = tags(1...3)
        #expect(tags.settle([7, 0, 1, 1]) == [.init(tag: 1, multiple: false)])
        #expect(tags.settle([1]) == [])
        let isInOrder = tags.delivered(3)
        #expect(!isInOrder)
    }

    @Test func memoryStaysBoundedBehindAnOldDelivery() {
        var tags = tags(1...1)
        for tag in UInt64(2)...10_000 {
            deliver(tag, to: &tags)
            #expect(tags.settle([tag]).count == 1)
        }
        #expect(tags.count == 1)
        #expect(tags.settle([1]) == [.init(tag: 1, multiple: false)])
        #expect(tags.count == 0)
    }

    /// A frame with `multiple` must cover only what the caller settles; checked against a broker's view of the outstanding tags.
    @Test func randomSettlementsMatchABroker() {
        var random = SystemRandomNumberGenerator()
        var tags = UnsettledTags()
        var outstanding: Set<UInt64> = []
        var next: UInt64 = 0
        for _ in 0..<2_000 {
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                next += 1
                deliver(next, to: &tags)
                outstanding.insert(next)
            }
            let chosen = outstanding.filter { _ in Bool.random(using: &random) }
            var settled: Set<UInt64> = []
            for step in tags.settle(chosen) {
                let covered = step.multiple ? outstanding.filter { $0 <= step.tag } : [step.tag]
                #expect(outstanding.isSuperset(of: covered))
                settled.formUnion(covered)
                outstanding.subtract(covered)
            }
            #expect(settled == chosen)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ReconnectBackoffTests {
    private struct Highest: RandomNumberGenerator {
        func next() -> UInt64 { .max }
    }

    @Test func doublesUpToItsLimit() {
        var backoff = ReconnectBackoff(base: .milliseconds(100), limit: .seconds(1))
        var random = Highest()
        let waits = (0..<6).map { _ in backoff.failed(using: &random) }
        for (wait, ceiling) in zip(waits, [100, 200, 400, 800, 1_000, 1_000]) {
            #expect(wait <= .milliseconds(ceiling) && wait > .milliseconds(ceiling - 1))
        }
        backoff.succeeded()
        #expect(backoff.failed(using: &random) <= .milliseconds(100))
    }

    @Test func jitterIsFull() {
        var random = SystemRandomNumberGenerator()
        let waits = (0..<200).map { _ in
            var backoff = ReconnectBackoff(base: .seconds(1))
            return backoff.failed(using: &random)
        }
        #expect(waits.contains { $0 < .milliseconds(500) } && waits.contains { $0 > .milliseconds(500) })
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(1) })
    }

    @Test func manyFailuresDoNotOverflow() {
        var backoff = ReconnectBackoff()
        var random = Highest()
        for _ in 0..<10_000 { #expect(backoff.failed(using: &random) <= .seconds(10)) }
    }
}
