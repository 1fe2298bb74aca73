import AMQP
import Domain
import FoundationEssentials
import Logging
import Queues
import ServiceLifecycle
import Store

/// Takes projects and tasks from the queue `chorus.intake`, which all gateways share.
///
/// A message is acknowledged when what it asks for is committed, or when its copy is safe in `chorus.intake.rejected`; its answer is sent
/// before. Whatever dies in between, the broker hands it out again, and its `message_id` keeps it from being done twice. While the database
/// or the broker is away, nothing is taken.
struct Intake: Service {
    /// How often a message that ends its gateway is tried, once it has come again.
    static let trialLimit = 3

    /// As the configuration has it at this moment.
    private let handler: @Sendable () -> IntakeHandler
    private let consumer: AMQPConsumer
    private let publisher: AMQPPublisher
    private let topology: AMQPTopology
    private let maxBodySize: Int
    private let logger: Logger

    init(_ configuration: IntakeConfiguration, handler: @escaping @Sendable () -> IntakeHandler, logger: Logger) {
        var broker = configuration.broker
        if !broker.connectionName.isEmpty { broker.connectionName += "-intake" }
        topology = .intake(queueType: configuration.queueType)
        self.handler = handler
        self.logger = logger
        maxBodySize = broker.maxBodySize
        consumer = AMQPConsumer(
            configuration: broker, topology: topology, queues: [QueueNames.intake], prefetch: configuration.prefetch, logger: logger)
        publisher = AMQPPublisher(configuration: broker, topology: topology, logger: logger)
    }

    /// Takes messages until the graceful shutdown; those it has begun with are finished.
    func run() async throws {
        try await ServiceGroup(services: [publisher, consumer, Reader(intake: self)], logger: logger).run()
    }

    /// Stops before what it needs.
    private struct Reader: Service {
        let intake: Intake

        func run() async { await intake.read() }
    }

    private func read() async {
        var survivors = SurvivedTrials()
        while let batch = await next() {
            let again = batch.filter(\.isRedelivered)
            var fresh = batch.filter { !$0.isRedelivered }
            var open: [AMQPDelivery] = []
            for delivery in again {
                // Once the fault is one that will pass, the others would meet it too.
                if open.isEmpty { open = await tryAlone(delivery, &survivors) } else { open.append(delivery) }
            }
            if !open.isEmpty {
                open += fresh
                fresh = []
            }
            open += await settle(fresh)
            guard !open.isEmpty else { continue }
            await giveBack(open)
        }
    }

    /// nil at the graceful shutdown.
    private func next() async -> [AMQPDelivery]? {
        if Task.isShuttingDownGracefully { return nil }
        return await cancelWhenGracefulShutdown { [consumer] in
            var batches = consumer.deliveries.makeAsyncIterator()
            return await batches.next()
        }
    }

    // MARK: Messages that come again

    /// Tries a message that was with a gateway before, by itself and counted: it may be what ended that gateway.
    private func tryAlone(_ delivery: AMQPDelivery, _ survivors: inout SurvivedTrials) async -> [AMQPDelivery] {
        let digest = delivery.message.digest
        do {
            let trials = try await handler().store.beginIntakeTrial(of: digest, isNew: !survivors.remove(digest))
            guard trials <= Self.trialLimit else {
                logger.error("a message ended its gateway again and again", metadata: ["trials": "\(trials - 1)"])
                let open = await settle([delivery], [.refused(.endsGateways, keyID: nil)])
                if open.isEmpty { try await handler().store.endIntakeTrials(of: digest) }
                return open
            }
        } catch {
            return [delivery]
        }
        let open = await settle([delivery])
        do {
            try await handler().store.endIntakeTrials(of: digest)
        } catch {
            survivors.insert(digest)
        }
        return open
    }

    // MARK: Settling

    /// Does what the messages ask for, and again what met a fault that passes soon. Returns those for which it lasts.
    private func settle(_ deliveries: [AMQPDelivery]) async -> [AMQPDelivery] {
        var open = deliveries
        var backoff = ReconnectBackoff(base: .milliseconds(50), limit: .seconds(1))
        while !open.isEmpty {
            open = await settle(open, await handler().outcomes(of: open))
            if open.isEmpty || backoff.failures == 4 || Task.isShuttingDownGracefully { break }
            var random = SystemRandomNumberGenerator()
            try? await cancelWhenGracefulShutdown { [pause = backoff.failed(using: &random)] in try await Task.sleep(for: pause) }
        }
        return open
    }

    /// Publishes copies of the refused and answers, then acknowledges. Returns those that are to be tried again.
    private func settle(_ deliveries: [AMQPDelivery], _ outcomes: [IntakeOutcome]) async -> [AMQPDelivery] {
        var (settled, open): ([AMQPDelivery], [AMQPDelivery]) = ([], [])
        var (refused, copies, replies): ([AMQPDelivery], [AMQPMessage], [AMQPMessage]) = ([], [], [])
        for (delivery, outcome) in zip(deliveries, outcomes) {
            let answer: IntakeAnswer
            switch outcome {
            case .later(let error):
                logger.debug("a message is tried again", metadata: [LogKey.error: "\(error)"])
                open.append(delivery)
                continue
            case .done(let done):
                settled.append(delivery)
                answer = done
            case .refused(let problem, let keyID):
                refused.append(delivery)
                answer = IntakeAnswer(problem)
                copies.append(
                    RejectedMessage(
                        delivery.message, omittedBodySize: delivery.omittedBodySize, problem: problem, keyID: keyID,
                        maxBodySize: maxBodySize
                    ).message)
            }
            if let reply = answer.reply(to: delivery.message) { replies.append(reply) }
        }
        let kept = await publish(copies)
        for (delivery, isKept) in zip(refused, kept) { if isKept { settled.append(delivery) } else { open.append(delivery) } }
        await send(replies)
        await consumer.acknowledge(settled)
        return open
    }

    /// Which of the copies are safe.
    private func publish(_ copies: [AMQPMessage]) async -> [Bool] {
        guard !copies.isEmpty else { return [] }
        do throws(AMQPError) {
            let outcomes = try await publisher.outcomes(of: copies, timeout: .seconds(10))
            if outcomes.contains(where: { if case .returned = $0 { true } else { false } }) {
                // The queue is gone: the copies are published again when it is back.
                try await publisher.declare(topology)
            }
            return outcomes.map { $0 == .confirmed }
        } catch {
            logger.warning("refused messages wait for the broker", metadata: [LogKey.error: "\(error)"])
            return copies.map { _ in false }
        }
    }

    /// What was done stays done: an answer that cannot be sent is no reason to do it again.
    private func send(_ replies: [AMQPMessage]) async {
        guard !replies.isEmpty else { return }
        do throws(AMQPError) {
            let outcomes = try await publisher.outcomes(of: replies, timeout: .seconds(10))
            let lost = outcomes.count { $0 != .confirmed }
            if lost > 0 { logger.warning("answers were lost", metadata: ["answers": "\(lost)"]) }
        } catch {
            logger.warning("answers were lost", metadata: ["answers": "\(replies.count)", LogKey.error: "\(error)"])
        }
    }

    // MARK: Faults that last

    /// Leaves the messages to other gateways, and takes none until this one can work again.
    private func giveBack(_ deliveries: [AMQPDelivery]) async {
        logger.warning("the intake pauses", metadata: ["messages": "\(deliveries.count)"])
        await consumer.pause()
        await consumer.reject(deliveries, requeue: true)
        var backoff = ReconnectBackoff(base: .milliseconds(200), limit: .seconds(10))
        var random = SystemRandomNumberGenerator()
        repeat {
            try? await cancelWhenGracefulShutdown { [pause = backoff.failed(using: &random)] in try await Task.sleep(for: pause) }
            if Task.isShuttingDownGracefully || Task.isCancelled { return }
        } while await !isReady()
        await consumer.resume()
        logger.notice("the intake goes on")
    }

    private func isReady() async -> Bool {
        guard publisher.takesMessages else { return false }
        return (try? await Migrator(handler().store.database).check()) != nil
    }
}

extension Problem {
    /// Nobody knows what is wrong with it.
    fileprivate static let endsGateways = Problem(
        status: 500, title: "Internal server error",
        detail: "The gateways that took this message ended while they worked on it, \(Intake.trialLimit) times. It is not tried again.")
}
