import AMQP
import Domain
import FoundationEssentials
import Logging
import Queues
import ServiceLifecycle
import Store

/// Publishes events to the broker's exchange `chorus.events`: those that are written down, in their order, each at least once. One gateway has
/// the turn, the others stand by.
///
/// Events are written down for projects that ask for theirs (`settings.events`). For all others they are as soon as somebody is bound, which
/// a few samples a second find out; see `ExchangeInterest`.
struct EventExchange: Service {
    private static let lease = Duration.seconds(6)
    private static let publishTimeout = Duration.seconds(3)
    /// How often those without the turn ask for it.
    private static let standBy = Duration.seconds(3)
    /// How often the log is read while it is written, and how often samples are taken while it is not.
    private static let pace = Duration.milliseconds(200)
    private static let samplingPace = Duration.seconds(1)
    /// What is published of what samples left out.
    private static let missedLimit = 5_000

    private let store: Store
    private let publisher: AMQPPublisher
    private let maxBodySize: Int
    private let logger: Logger

    init(store: Store, broker: AMQPConfiguration, logger: Logger) {
        var broker = broker
        if !broker.connectionName.isEmpty { broker.connectionName += "-events" }
        self.store = store
        self.logger = logger
        maxBodySize = broker.maxBodySize
        publisher = AMQPPublisher(configuration: broker, topology: .events, logger: logger)
    }

    func run() async throws {
        try await ServiceGroup(services: [publisher, Pump(exchange: self)], logger: logger).run()
    }

    /// Stops before its publisher does.
    private struct Pump: Service {
        let exchange: EventExchange

        func run() async { await exchange.pump() }
    }

    private func pump() async {
        let holder = UUID.v7()
        var backoff = ReconnectBackoff(base: .seconds(1), limit: .seconds(10))
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            var pause = Self.standBy
            do {
                if publisher.takesMessages {
                    // Read before: what happens once somebody has the turn is not behind the first look.
                    let seen = try await store.lastHistoryID()
                    if let turn = try await store.takeExchangeTurn(as: holder, lease: Self.lease) {
                        try await work(turn, holder, after: seen)
                    }
                }
                backoff.succeeded()
            } catch {
                logger.warning("events wait", metadata: [LogKey.error: "\(error)"])
                var random = SystemRandomNumberGenerator()
                pause = backoff.failed(using: &random)
            }
            await Self.sleep(pause)
        }
        try? await store.endExchangeTurn(of: holder)
    }

    /// Publishes for as long as this gateway has the turn and nothing fails. What failed is published again from where the turn says.
    ///
    /// - Parameter seen: samples are taken of what came after it.
    private func work(_ first: ExchangeTurn, _ holder: UUID, after seen: UUID?) async throws {
        var turn = first
        var renewedAt = ContinuousClock.now
        var reader = EventLogReader(store, after: turn.seq)
        var interest = ExchangeInterest()
        var lookedAt = seen
        var beginning: Beginning?
        var sampledAt = ContinuousClock.now - Self.samplingPace
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            // Far within the lease, with the time that publishing takes: nobody else publishes meanwhile.
            if .now - renewedAt >= .seconds(1) {
                renewedAt = .now
                guard let renewed = try await store.takeExchangeTurn(as: holder, lease: Self.lease) else { return }
                turn = renewed
            }
            if turn.logsAll { interest.isLogging(at: .now) } else { interest.ended() }
            let events = try await reader.next()
            var taken = try await publish(events)
            if !events.isEmpty, try await !store.exchangeAdvanced(to: reader.position, as: holder) { return }

            var samples: [HistoryEvent] = []
            if !turn.logsAll, .now - sampledAt >= Self.samplingPace {
                sampledAt = .now
                samples = try await store.samplesOfEvents(after: lookedAt)
                taken.formUnion(try await publish(samples.map(\.event)))
            }
            let isTaken = try await isAnyTaken(taken, unless: interest)
            switch interest.published(taken: isTaken, at: .now) {
            case .none: break
            case .renew: _ = try await store.listen(.exchange, to: nil, lifetime: ExchangeInterest.lifetime)
            case .begin:
                beginning = beginning ?? Beginning(after: lookedAt, published: Set(samples.map(\.historyID)))
            }
            lookedAt = samples.last?.historyID ?? lookedAt
            if let first = beginning {
                if try await begin(first) { beginning = nil }
                // The turn says that all are written down.
                renewedAt = .now - .seconds(1)
            }
            guard events.count < EventLogReader.pageLimit / 2 else { continue }
            await Self.sleep(turn.logsAll || turn.logsSome || reader.isBlocked ? Self.pace : Self.samplingPace)
        }
    }

    /// What is published beside what is written down, once all is.
    private struct Beginning {
        /// What came after it,
        var after: UUID?
        /// save for the samples that are out already.
        var published: Set<UUID>
    }

    /// Has all events written down from now on, and publishes what happened since the last look and was not a sample.
    ///
    /// - Returns: false where a transaction that began before goes on: what it does is not written down, and not there to be published yet.
    private func begin(_ beginning: Beginning) async throws -> Bool {
        let lifetime = ExchangeInterest.lifetime
        guard try await store.startLog(for: .exchange, of: nil, lifetime: lifetime, within: .seconds(2)) != nil else { return false }
        logger.notice("somebody is bound to the exchange of events: all are published")
        let missed = try await store.unloggedEvents(after: beginning.after, limit: Self.missedLimit)
        _ = try await publish(missed.filter { !beginning.published.contains($0.historyID) }.map(\.event))
        return true
    }

    /// Publishes the events in their order; gives the projects of which a queue took one.
    /// - Throws: unless the broker has said of each what became of it.
    private func publish(_ events: [EventRecord]) async throws -> Set<UUID> {
        guard !events.isEmpty else { return [] }
        var taken: Set<UUID> = []
        for start in stride(from: 0, to: events.count, by: EventLogReader.pageLimit) {
            let page = Array(events[start..<min(start + EventLogReader.pageLimit, events.count)])
            let outcomes = try await publisher.outcomes(
                of: page.map { AMQPMessage($0, maxBodySize: maxBodySize) }, timeout: Self.publishTimeout)
            for (event, outcome) in zip(page, outcomes) {
                switch outcome {
                case .confirmed: taken.insert(event.projectID)
                case .returned: break
                case .refused, .unknown: throw AMQPError(.unconfirmed, "not every event was confirmed", outcomes: outcomes)
                }
            }
        }
        return taken
    }

    /// Whether a queue took an event of a project that does not ask for its events by itself: those that do have queues as a matter of course.
    private func isAnyTaken(_ projects: Set<UUID>, unless interest: ExchangeInterest) async throws -> Bool {
        guard !projects.isEmpty, !interest.isFresh(at: .now) else { return false }
        return try await !projects.isSubset(of: store.projectsWithEvents(among: Array(projects)))
    }

    private static func sleep(_ pause: Duration) async {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }
}
