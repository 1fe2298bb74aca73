import AMQP
import TestSupport
import Testing

/// A broker that goes away, played by a proxy that cuts, freezes or refuses connections.
@Suite(.timeLimit(.minutes(3)))
struct AMQPReconnectTests {
    private func withProxy<Result: Sendable>(
        _ body: @Sendable (TCPProxy, AMQPConfiguration) async throws -> Result
    ) async throws -> Result {
        var configuration = try await TestBroker.configuration()
        let endpoint = try #require(configuration.endpoints.first)
        let proxy = TCPProxy(to: endpoint.port)
        await proxy.listen()
        configuration.endpoints = [.init(host: "127.0.0.1", port: Int(await proxy.port))]
        do {
            let result = try await body(proxy, configuration)
            await proxy.shutDown()
            return result
        } catch {
            await proxy.shutDown()
            throw error
        }
    }

    @Test func aPublisherConnectsAgain() async throws {
        try await withProxy { proxy, configuration in
            try await TestBroker.withQueue { _, queue in
                try await TestBroker.withPublisher(configuration: configuration) { publisher in
                    for _ in 0..<5 {
                        try await publisher.waitUntilConnected(timeout: .seconds(20))
                        try await publisher.publish(TestBroker.messages(10, for: queue), timeout: .seconds(10))
                        await proxy.cut()
                        try await eventually("the loss is noticed and mended") {
                            (try? await publisher.status(of: [queue])) != nil
                        }
                    }
                    try await publisher.waitUntilConnected(timeout: .seconds(20))
                }
            }
        }
    }

    @Test func aLostConnectionLeavesOutcomesUnknown() async throws {
        try await withProxy { proxy, configuration in
            try await TestBroker.withQueue { _, queue in
                try await TestBroker.withPublisher(configuration: configuration) { publisher in
                    await proxy.freeze()
                    async let outcomes = publisher.outcomes(of: TestBroker.messages(3, for: queue), timeout: .seconds(30))
                    async let status = try? publisher.status(of: [queue])
                    try await eventually("they are under way") { publisher.unconfirmedCount == 3 }
                    await proxy.cut()
                    #expect(try await outcomes == [.unknown, .unknown, .unknown])
                    #expect(await status == nil)
                    await proxy.thaw()
                    try await eventually("publishing works again") {
                        (try? await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(5))) != nil
                    }
                }
            }
        }
    }

    @Test func aSilentBrokerCannotHoldACaller() async throws {
        try await withProxy { proxy, configuration in
            var configuration = configuration
            configuration.rpcTimeout = .milliseconds(500)
            try await TestBroker.withQueue { [configuration] _, queue in
                try await TestBroker.withPublisher(configuration: configuration) { publisher in
                    await proxy.freeze()
                    let start = ContinuousClock.now
                    // More than the buffers of three sockets hold: writing must not block either.
                    let large = AMQPMessage(exchange: "", routingKey: queue, body: Array(repeating: 1, count: 60_000))
                    let outcomes = try await publisher.outcomes(of: Array(repeating: large, count: 500), timeout: .milliseconds(300))
                    #expect(outcomes.allSatisfy { $0 == .unknown })
                    await #expect { try await publisher.status(of: [queue]) } throws: { error in
                        [.timedOut, .notConnected].contains((error as? AMQPError)?.code)
                    }
                    #expect(ContinuousClock.now - start < .seconds(5))
                    await proxy.cut()
                    await proxy.thaw()
                    try await publisher.waitUntilConnected(timeout: .seconds(20))
                }
            }
        }
    }

    @Test func missedHeartbeatsEndAConnection() async throws {
        try await withProxy { proxy, configuration in
            var configuration = configuration
            configuration.heartbeat = .seconds(1)
            try await TestBroker.withPublisher(configuration: configuration) { publisher in
                await proxy.freeze()
                let start = ContinuousClock.now
                try await eventually("the loss is noticed", within: .seconds(20)) { !publisher.isConnected }
                // Nothing else would notice within that time.
                #expect(ContinuousClock.now - start < .seconds(9))
                await proxy.cut()
                await proxy.thaw()
                try await publisher.waitUntilConnected(timeout: .seconds(20))
            }
        }
    }

    @Test func anIdleConnectionStands() async throws {
        var configuration = try await TestBroker.configuration()
        configuration.heartbeat = .seconds(1)
        // A machine that stands still for a second or two ends a connection as well as a peer that is silent: one of three has to stand.
        var hasStood = false
        for _ in 0..<3 where !hasStood {
            hasStood = try await TestBroker.withPublisher(configuration: configuration) { publisher in
                let start = ContinuousClock.now
                var hasLost = false
                try await eventually("the time passes") {
                    hasLost = hasLost || !publisher.isConnected
                    return ContinuousClock.now - start > .seconds(4)
                }
                return !hasLost
            }
        }
        #expect(hasStood)
    }

    @Test func aConsumerConnectsAgainAndOldTagsAreIgnored() async throws {
        try await withProxy { proxy, configuration in
            try await TestBroker.withQueue { publisher, queue in
                try await TestBroker.withConsumer(of: [queue], configuration: configuration) { consumer in
                    try await publisher.publish(TestBroker.messages(5, for: queue), timeout: .seconds(10))
                    let stale = await consumer.take(5)
                    await proxy.cut()
                    let fresh = await consumer.take(5)
                    #expect(fresh.count == 5 && fresh.allSatisfy { $0.isRedelivered })
                    await consumer.acknowledge(stale)
                    await consumer.acknowledge(Array(fresh.prefix(2)))
                    await consumer.reject(Array(fresh.suffix(3)), requeue: true)
                    let rest = await consumer.take(3)
                    #expect(rest.count == 3)
                    await consumer.acknowledge(rest)
                }
                try await eventually("nothing is left") { try await publisher.messageCount(queue) == 0 }
            }
        }
    }

    @Test func anUnreachableBrokerIsNamedAndWaitedFor() async throws {
        try await withProxy { proxy, configuration in
            await proxy.stopListening()
            let publisher = AMQPPublisher(configuration: configuration, logger: TestBroker.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publisher.run() }
                await #expect { try await publisher.waitUntilConnected(timeout: .milliseconds(300)) } throws: { error in
                    (error as? AMQPError)?.code == .notConnected
                }
                await proxy.listen()
                try await publisher.waitUntilConnected(timeout: .seconds(20))
                group.cancelAll()
            }
        }
    }

    @Test func theTopologyIsDeclaredOnEveryConnect() async throws {
        try await withProxy { proxy, configuration in
            let name = TestBroker.uniqueName("topology")
            let topology = AMQPTopology(
                exchanges: [AMQPExchange(name: name, kind: .direct)], queues: [AMQPQueue(name: name)],
                bindings: [AMQPBinding(queue: name, exchange: name, routingKey: "key")])
            let message = AMQPMessage(exchange: name, routingKey: "key", body: [])
            try await TestBroker.withPublisher { other in
                try await TestBroker.withPublisher(topology, configuration: configuration) { publisher in
                    try await publisher.publish([message], timeout: .seconds(10))
                    try await other.delete(name)
                    var states = publisher.connectionStates.makeAsyncIterator()
                    await proxy.cut()
                    while let state = await states.next() {
                        if case .connected(generation: 2) = state { break }
                    }
                    try await publisher.publish([message], timeout: .seconds(10))
                    try await publisher.delete(name)
                }
            }
        }
    }
}
