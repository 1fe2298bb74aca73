import AMQP
import Domain
import FoundationEssentials
import HTTPTypes
import Logging
import Operations
import Postgres
import Queues
import Store
import Synchronization
import TestSupport

@testable import Gateway

/// A gateway with its intake, a sender that gets answers, and a reader of what was refused; on a broker that the suites of the intake share.
final class IntakeFixture: Sendable {
    struct Answer: Sendable {
        var status: Int
        var json: JSONValue
        var headers: [String: AMQPFieldValue]
        var contentType: String?
    }

    /// The names of the intake's queues are the same everywhere: only one gateway of the tests may use this broker at a time.
    private static let broker = Task { try await TestServers.privateRabbitMQ().start() }

    let gateway: GatewayFixture
    let publisher: AMQPPublisher
    let replyQueue = "replies.\(UUID.v7().text)"
    private let answers = Mutex<[String: [Answer]]>([:])
    private let rejected = Mutex<[AMQPDelivery]>([])

    static func configuration() async throws -> AMQPConfiguration {
        var configuration = try AMQPConfiguration(url: try await broker.value)
        configuration.backoff = ReconnectBackoff(base: .milliseconds(20), limit: .milliseconds(200))
        return configuration
    }

    static func with(
        accept: (@Sendable ([Submission]) async -> [Result<Acceptance, any Error>])? = nil,
        _ body: @Sendable @escaping (IntakeFixture) async throws -> Void
    ) async throws {
        let configuration = try await configuration()
        let intake = IntakeConfiguration(broker: configuration, queueType: .classic)
        try await GatewayFixture.with(intake: intake, bodyLimit: 100_000, accept: accept) { gateway in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let publisher = AMQPPublisher(configuration: configuration, topology: .intake(queueType: .classic), logger: logger)
            let fixture = IntakeFixture(gateway: gateway, publisher: publisher)
            let reader = AMQPConsumer(
                configuration: configuration, topology: AMQPTopology(queues: [AMQPQueue(name: fixture.replyQueue, isDurable: false)]),
                queues: [fixture.replyQueue, QueueNames.intakeRejected], prefetch: 1_000, logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await publisher.run() }
                try await publisher.waitUntilConnected(timeout: .seconds(20))
                for queue in [QueueNames.intake, QueueNames.intakeRejected] { _ = try await publisher.purge(queue) }
                group.addTask { try await reader.run() }
                group.addTask { for await batch in reader.deliveries { await fixture.take(batch, from: reader) } }
                defer { group.cancelAll() }
                try await reader.waitUntilConnected(timeout: .seconds(20))
                try await body(fixture)
                try await publisher.delete(fixture.replyQueue)
            }
        }
    }

    private init(gateway: GatewayFixture, publisher: AMQPPublisher) {
        self.gateway = gateway
        self.publisher = publisher
    }

    private func take(_ batch: [AMQPDelivery], from reader: AMQPConsumer) async {
        for delivery in batch {
            guard delivery.queue == replyQueue else {
                rejected.withLock { $0.append(delivery) }
                continue
            }
            let answer = Answer(
                status: delivery.headers["status"]?.intValue ?? 0, json: (try? JSONValue(parsing: delivery.body)) ?? .null,
                headers: delivery.headers, contentType: delivery.contentType)
            answers.withLock { $0[delivery.correlationID ?? "", default: []].append(answer) }
        }
        await reader.acknowledge(batch)
    }

    /// A message as a sender makes it.
    func message(
        _ kind: String, _ body: String, id: String? = nil, correlation: String? = nil, key: String? = nil,
        headers: [String: AMQPFieldValue] = [:]
    ) -> AMQPMessage {
        var headers = headers
        headers["authorization"] = .string("Bearer \(key ?? gateway.key.secret)")
        return AMQPMessage(
            exchange: QueueNames.intake, routingKey: kind, body: Array(body.utf8), contentType: "application/json", messageID: id,
            correlationID: correlation, replyTo: correlation == nil ? nil : replyQueue, headers: headers)
    }

    func send(_ messages: [AMQPMessage]) async throws {
        try await publisher.publish(messages, timeout: .seconds(30))
    }

    /// Sends a message and waits for its answer.
    func ask(
        _ kind: String, _ body: String, id: String? = nil, key: String? = nil, headers: [String: AMQPFieldValue] = [:]
    ) async throws -> Answer {
        try await ask(message(kind, body, id: id, correlation: UUID.v7().text, key: key, headers: headers))
    }

    func ask(_ message: AMQPMessage) async throws -> Answer {
        let correlation = message.correlationID ?? ""
        let before = answers(to: correlation).count
        try await send([message])
        try await eventually("the answer to \(message.routingKey)", within: .seconds(20)) { answers(to: correlation).count > before }
        guard let answer = answers(to: correlation).last else { throw NotEventually(description: "no answer") }
        return answer
    }

    func answers(to correlation: String) -> [Answer] { answers.withLock { $0[correlation] ?? [] } }
    var allAnswers: [String: [Answer]] { answers.withLock { $0 } }
    var refused: [AMQPDelivery] { rejected.withLock { $0 } }

    func makeProject() async throws -> String { try await gateway.makeProject() }

    static func task(_ project: String, _ prompt: String = "hi") -> String {
        #"{"project_id":"\#(project)","task_type":"chat","input_data":{"prompt":"\#(prompt)"}}"#
    }

    func countTrials() async throws -> Int {
        try await gateway.database.query("SELECT count(*) FROM intake_trials") { try $0.decode(Int.self) }.first ?? -1
    }

    /// Waits until the gateway has taken all that was in the queue; it may hold some of it still.
    func waitUntilTaken() async throws {
        try await eventually("the intake is empty", within: .seconds(60)) {
            try await publisher.status(of: [QueueNames.intake]).first??.messageCount == 0
        }
    }
}

extension AMQPFieldValue {
    var intValue: Int? { if case .int(let value) = self { Int(value) } else { nil } }
}

extension AMQPDelivery {
    /// Why it was refused.
    var reason: JSONValue? { headers["x-reason"]?.text.flatMap { try? JSONValue(parsing: $0) } }
}
