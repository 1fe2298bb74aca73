import Glibc
import TestSupport
import Testing

@testable import AMQP

/// Messages as no client library makes them, written frame by frame, through the real broker.
@Suite(.timeLimit(.minutes(2))) struct HostileMessageTests {
    /// The properties' bit for headers (AMQP 0-9-1, basic class).
    private static let headersFlag: UInt16 = 1 << 13
    /// What a frame of 128 KiB has room for beside its own eight bytes and the header's fourteen.
    private static let room = 131_072 - 8 - 14

    /// Headers of one frame, nested as deep as it can hold: arrays, or tables.
    enum Nesting: CaseIterable {
        case arrays, tables

        var properties: [UInt8] {
            let room = HostileMessageTests.room - 10
            let (step, mark) = self == .arrays ? (5, [UInt8(ascii: "A")]) : (6, [0, UInt8(ascii: "F")])
            var nested: [UInt8] = []
            let levels = room / step
            for level in 0..<levels { nested += mark + RawMessage.bytes(UInt32((levels - 1 - level) * step)) }
            let table = (self == .arrays ? [1, UInt8(ascii: "h")] : []) + nested
            return RawMessage.bytes(HostileMessageTests.headersFlag) + RawMessage.bytes(UInt32(table.count)) + table
        }
    }

    @Test(arguments: Nesting.allCases) func headersNestedAsDeepAsAFrameHolds(nesting: Nesting) async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                try await RawMessage.publish(to: queue, properties: nesting.properties, body: Array("deep".utf8))
                let deliveries = await consumer.take(1)
                #expect(deliveries.first?.body == Array("deep".utf8))
                #expect(deliveries.first?.headers.count == 1)
                await consumer.acknowledge(deliveries)
                #expect(consumer.isConnected)
            }
        }
    }

    @Test func ofHeadersWithoutEndSomeAreRead() async throws {
        try await TestBroker.withQueue { _, queue in
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let count = (Self.room - 20) / 7
                // Keys of five bytes, each with nothing as its value.
                let table = (0..<count).flatMap { [5] + Array(String(100_000 + $0).utf8.suffix(5)) + [UInt8(ascii: "V")] }
                let properties = RawMessage.bytes(Self.headersFlag) + RawMessage.bytes(UInt32(table.count)) + table
                try await RawMessage.publish(to: queue, properties: properties, body: [])
                let deliveries = await consumer.take(1)
                #expect(deliveries.first?.headers.count == AMQPFieldValue.maxValues)
                await consumer.acknowledge(deliveries)
            }
        }
    }

    /// The broker does not mind a second word of property flags, which librabbitmq then looks for in vain.
    @Test func whatCannotBeReadGoesToTheDeadLettersAndNotRoundAndRound() async throws {
        let dead = TestBroker.uniqueName("dead")
        let arguments: [String: AMQPFieldValue] = ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(dead)]
        try await TestBroker.withPublisher(AMQPTopology(queues: [AMQPQueue(name: dead)])) { other in
            try await TestBroker.withQueue(arguments: arguments) { publisher, queue in
                try await TestBroker.withConsumer(of: [queue]) { consumer in
                    // What is under way when it comes is settled, and not handed out again.
                    try await publisher.publish(
                        [AMQPMessage(exchange: "", routingKey: queue, body: Array("under way".utf8))], timeout: .seconds(10))
                    let underWay = await consumer.take(1)
                    try await RawMessage.publish(to: queue, properties: RawMessage.bytes(UInt16(1)), body: Array("unreadable".utf8))
                    try await eventually("it is with the dead letters") { try await publisher.messageCount(dead) == 1 }
                    #expect(consumer.isConnected)
                    await consumer.acknowledge(underWay)
                    try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(10))
                    let deliveries = await consumer.take(1)
                    #expect(deliveries.first?.body == Array("0".utf8))
                    await consumer.acknowledge(deliveries)
                }
            }
            try await TestBroker.withConsumer(of: [dead]) { consumer in
                let letters = await consumer.take(1)
                #expect(letters.first?.body == Array("unreadable".utf8))
                #expect(letters.first?.headers["x-first-death-reason"]?.text == "rejected")
                await consumer.acknowledge(letters)
            }
            try await other.delete(dead)
        }
    }

    /// The next one comes with the answer to the question that sets the new connection up.
    @Test func severalInARowAreGotOverOneByOne() async throws {
        try await TestBroker.withQueue { publisher, queue in
            for _ in 0..<5 {
                try await RawMessage.publish(to: queue, properties: RawMessage.bytes(UInt16(1)), body: Array("unreadable".utf8))
            }
            try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let deliveries = await consumer.take(1)
                #expect(deliveries.first?.body == Array("0".utf8))
                await consumer.acknowledge(deliveries)
            }
        }
    }

    @Test func headersThatNoFrameHoldsAreRefusedBeforeTheyAreSent() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let headers: [String: AMQPFieldValue] = ["large": .string(String(repeating: "x", count: 150_000))]
            let large = AMQPMessage(exchange: "", routingKey: queue, body: [], headers: headers)
            let error = await #expect(throws: AMQPError.self) { try await publisher.publish([large], timeout: .seconds(10)) }
            #expect(error?.code == .invalid)
            // The connection stands.
            try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(10))
        }
    }
}
