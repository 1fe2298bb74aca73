import AMQP
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AMQPConsumerTests {
    @Test func everyPartOfAMessageArrives() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let message = AMQPMessage(
                exchange: "", routingKey: queue, body: Array("héllo".utf8), contentType: "application/json", contentEncoding: "identity",
                messageID: "id", correlationID: "correlation", replyTo: "reply", type: "type", appID: "app",
                headers: [
                    "string": "text", "int": 42, "negative": -1, "bool": true, "double": .double(1.5), "bytes": .bytes([0, 255]),
                    "time": .timestamp(1_700_000_000), "table": ["inner": ["deep": .null]], "array": .array([1, "two", .null]),
                    "empty": [:],
                ],
                timestamp: 1_700_000_001, isPersistent: true, isMandatory: true, priority: 3, expiration: "600000")
            try await publisher.publish([message], timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let delivery = try #require(await consumer.take(1).first)
                var expected = message
                expected.isMandatory = false
                #expect(delivery.message == expected)
                #expect(delivery.queue == queue)
                #expect(!delivery.isRedelivered)
                await consumer.acknowledge([delivery])
            }
            #expect(try await publisher.messageCount(queue) == 0)
        }
    }

    @Test(arguments: [0, 1, 131_000, 131_064, 131_073, 1_000_000]) func bodiesOfAnySize(size: Int) async throws {
        try await TestBroker.withQueue { publisher, queue in
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await publisher.publish([AMQPMessage(exchange: "", routingKey: queue, body: body)], timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let deliveries = await consumer.take(1)
                #expect(deliveries.first?.body == body)
                await consumer.acknowledge(deliveries)
            }
        }
    }

    @Test func whatIsNotSettledReturnsAtShutdown() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(10, for: queue), timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let deliveries = await consumer.take(10)
                await consumer.acknowledge(Array(deliveries.prefix(4)))
                await consumer.acknowledge(Array(deliveries.prefix(4)))
            }
            try await eventually("the broker has them again") { try await publisher.messageCount(queue) == 6 }
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let deliveries = await consumer.take(6)
                #expect(deliveries.map { String(decoding: $0.body, as: UTF8.self) } == (4..<10).map(String.init))
                #expect(deliveries.allSatisfy { $0.isRedelivered })
                await consumer.acknowledge(deliveries.filter { $0.body != Array("6".utf8) })
                await consumer.reject(deliveries, requeue: false)
            }
            #expect(try await publisher.messageCount(queue) == 0)
        }
    }

    @Test func rejectedWithRequeueComesBack() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(3, for: queue), timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                await consumer.reject(await consumer.take(3), requeue: true)
                let again = await consumer.take(3)
                #expect(again.count == 3 && again.allSatisfy { $0.isRedelivered })
                await consumer.acknowledge(again)
            }
        }
    }

    @Test func prefetchBoundsWhatIsHeld() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(50, for: queue), timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue], prefetch: 5) { consumer in
                let first = await consumer.take(5)
                #expect(first.count == 5)
                let ready45 = try await publisher.messageCount(queue)
                #expect(ready45 == 45)
                await consumer.resume(prefetch: 20)
                // The new consumer may hold 20 beside the five that are held already.
                let more = await consumer.take(20)
                #expect(more.count == 20)
                let ready25 = try await publisher.messageCount(queue)
                #expect(ready25 == 25)
            }
        }
    }

    @Test func pausingGivesBackWhatNobodyTook() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(20, for: queue), timeout: .seconds(10))
            try await TestBroker.withConsumer(of: [queue], prefetch: 10) { consumer in
                let held = await consumer.take(1)
                await consumer.pause()
                try await eventually("all but the taken are back") {
                    let status = try await publisher.status(of: [queue]).first ?? nil
                    return status == AMQPQueueStatus(name: queue, messageCount: 20 - held.count, consumerCount: 0)
                }
                await consumer.acknowledge(held)
                await consumer.resume()
                let rest = await consumer.take(min(10, 20 - held.count))
                #expect(!rest.isEmpty)
                await consumer.acknowledge(rest)
            }
        }
    }

    @Test func pausingAndResumingInAHurryLosesNothing() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(2_000, for: queue), timeout: .seconds(30))
            try await TestBroker.withConsumer(of: [queue], prefetch: 50) { consumer in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while !Task.isCancelled {
                            await consumer.pause()
                            await consumer.resume(prefetch: .random(in: 10...60))
                            await Task.yield()
                        }
                    }
                    var seen: Set<[UInt8]> = []
                    var batches = consumer.deliveries.makeAsyncIterator()
                    while seen.count < 2_000, let batch = await batches.next() {
                        for delivery in batch { seen.insert(delivery.body) }
                        await consumer.acknowledge(batch)
                    }
                    group.cancelAll()
                    #expect(seen.count == 2_000)
                }
                await consumer.resume()
                try await eventually("everything is acknowledged") {
                    try await publisher.messageCount(queue) == 0
                }
            }
        }
    }

    @Test func aDeletedQueueIsDeclaredAndConsumedAgain() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let topology = AMQPTopology(queues: [AMQPQueue(name: queue)])
            try await TestBroker.withConsumer(of: [queue], topology: topology) { consumer in
                try await publisher.delete(queue)
                try await eventually("the queue is back and consumed") {
                    try await publisher.status(of: [queue]).first??.consumerCount == 1
                }
                try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(10))
                let deliveries = await consumer.take(1)
                #expect(deliveries.count == 1)
                await consumer.acknowledge(deliveries)
            }
        }
    }

    @Test func severalQueuesOverOneChannel() async throws {
        let queues = (0..<32).map { _ in TestBroker.uniqueName("many") }
        let topology = AMQPTopology(
            exchanges: [AMQPExchange(name: "test.many", kind: .topic)], queues: queues.map { AMQPQueue(name: $0) },
            bindings: queues.map { AMQPBinding(queue: $0, exchange: "test.many", routingKey: "\($0).#") })
        try await TestBroker.withPublisher(topology) { publisher in
            try await TestBroker.withConsumer(of: queues, topology: topology) { consumer in
                let messages = queues.map { AMQPMessage(exchange: "test.many", routingKey: "\($0).x", body: Array($0.utf8)) }
                try await publisher.publish(messages, timeout: .seconds(10))
                let deliveries = await consumer.take(32)
                #expect(deliveries.allSatisfy { $0.body == Array($0.queue.utf8) && $0.exchange == "test.many" })
                #expect(Set(deliveries.map(\.queue)) == Set(queues))
                await consumer.acknowledge(deliveries)
            }
            for queue in queues { try await publisher.delete(queue) }
        }
    }

    @Test func aBodyOverTheBoundComesWithoutItAndOnce() async throws {
        try await TestBroker.withQueue { publisher, queue in
            var configuration = try await TestBroker.configuration()
            configuration.maxBodySize = 1_000
            try await TestBroker.withConsumer(of: [queue], configuration: configuration) { consumer in
                let large = AMQPMessage(
                    exchange: "", routingKey: queue, body: Array(repeating: 1, count: 300_000), messageID: "large", headers: ["a": 1])
                try await publisher.publish([large] + TestBroker.messages(1, for: queue), timeout: .seconds(10))
                let deliveries = await consumer.take(2)
                #expect(deliveries.map(\.omittedBodySize) == [300_000, nil])
                #expect(deliveries.first?.body == [])
                #expect(deliveries.first?.messageID == "large")
                #expect(deliveries.first?.headers == ["a": 1])
                #expect(deliveries.last?.body == Array("0".utf8))
                await consumer.acknowledge(deliveries)
                try await eventually("nothing comes again") { try await publisher.messageCount(queue) == 0 }
                #expect(consumer.isConnected)
            }
        }
    }

    @Test func holdsNoMoreBytesThanItMayAndReadsOnWhenSomeAreSettled() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let body = [UInt8](repeating: 7, count: 200_000)
            let messages = (0..<30).map { _ in AMQPMessage(exchange: "", routingKey: queue, body: body) }
            try await publisher.publish(messages, timeout: .seconds(30))
            var configuration = try await TestBroker.configuration()
            configuration.maxUnsettledSize = 1_000_000
            // The prefetch alone would let all of them in.
            try await TestBroker.withConsumer(of: [queue], configuration: configuration) { consumer in
                var (held, most, seen): ([AMQPDelivery], Int, Int) = ([], 0, 0)
                var batches = consumer.deliveries.makeAsyncIterator()
                while seen < 30, let batch = await batches.next() {
                    held += batch
                    seen += batch.count
                    most = max(most, held.count)
                    // Until it is full, nothing is given back.
                    guard held.count >= 5 || seen == 30 else { continue }
                    await consumer.acknowledge(held)
                    held = []
                }
                #expect(seen == 30)
                // The room takes five; one may exceed it.
                #expect(most <= 6)
            }
        }
    }

    @Test func cancellingAReaderEndsItsIteration() async throws {
        try await TestBroker.withQueue { _, queue in
            try await TestBroker.withConsumer(of: [queue]) { consumer in
                let reader = Task { await consumer.take(1) }
                reader.cancel()
                #expect(await reader.value.isEmpty)
            }
        }
    }
}
