import AMQP
import Logging
import TestSupport
import Testing

/// The real broker that the tests talk to.
enum TestBroker {
    static func configuration(name: String = "amqp-tests") async throws -> AMQPConfiguration {
        var configuration = try AMQPConfiguration(url: await TestServers.rabbitMQ)
        configuration.connectionName = name
        configuration.backoff = ReconnectBackoff(base: .milliseconds(20), limit: .milliseconds(200))
        return configuration
    }

    private static func resolved(_ configuration: AMQPConfiguration?) async throws -> AMQPConfiguration {
        if let configuration { return configuration }
        return try await Self.configuration()
    }

    static let logger: Logger = {
        var logger = Logger(label: "amqp-tests")
        logger.logLevel = .critical
        return logger
    }()

    /// A name no other test uses.
    static func uniqueName(_ what: String) -> String {
        "test.\(what).\(UInt64.random(in: 0 ... .max))"
    }

    /// Runs a connected publisher for as long as `body` takes.
    static func withPublisher<Result: Sendable>(
        _ topology: AMQPTopology = AMQPTopology(), configuration: AMQPConfiguration? = nil, wait: Duration = .seconds(20),
        _ body: @Sendable (AMQPPublisher) async throws -> Result
    ) async throws -> Result {
        let publisher = AMQPPublisher(
            configuration: try await resolved(configuration), topology: topology, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await publisher.run() }
            defer { group.cancelAll() }
            try await publisher.waitUntilConnected(timeout: wait)
            return try await body(publisher)
        }
    }

    /// Runs a connected consumer for as long as `body` takes.
    static func withConsumer<Result: Sendable>(
        of queues: [String], prefetch: UInt16 = 100, topology: AMQPTopology = AMQPTopology(), configuration: AMQPConfiguration? = nil,
        _ body: @Sendable (AMQPConsumer) async throws -> Result
    ) async throws -> Result {
        let consumer = AMQPConsumer(
            configuration: try await resolved(configuration), topology: topology, queues: queues, prefetch: prefetch,
            logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await consumer.run() }
            defer { group.cancelAll() }
            try await consumer.waitUntilConnected(timeout: .seconds(20))
            return try await body(consumer)
        }
    }

    /// A publisher and a fresh queue, deleted at the end.
    static func withQueue<Result: Sendable>(
        arguments: [String: AMQPFieldValue] = [:], _ body: @Sendable (AMQPPublisher, String) async throws -> Result
    ) async throws -> Result {
        let name = uniqueName("queue")
        return try await withPublisher(AMQPTopology(queues: [AMQPQueue(name: name, arguments: arguments)])) { publisher in
            do {
                let result = try await body(publisher, name)
                try await publisher.delete(name)
                return result
            } catch {
                _ = try? await publisher.delete(name)
                throw error
            }
        }
    }

    /// `count` messages for a queue through the default exchange, their numbers as bodies.
    static func messages(_ count: Int, for queue: String) -> [AMQPMessage] {
        (0..<count).map { AMQPMessage(exchange: "", routingKey: queue, body: Array("\($0)".utf8)) }
    }
}

extension AMQPConsumer {
    /// The next `count` deliveries, or what came before the consumer ended.
    func take(_ count: Int) async -> [AMQPDelivery] {
        var taken: [AMQPDelivery] = []
        var batches = deliveries.makeAsyncIterator()
        while taken.count < count, let batch = await batches.next() { taken += batch }
        return taken
    }
}

extension AMQPPublisher {
    /// Messages ready in a queue, nil where there is none.
    func messageCount(_ queue: String) async throws(AMQPError) -> Int? {
        let statuses = try await status(of: [queue])
        return statuses.first.flatMap { $0?.messageCount }
    }
}
