public import AMQP
import Domain
public import Logging
public import Postgres
import Queues
public import ServiceLifecycle
public import Store
import Synchronization

/// The one place that decides who runs next: it fills the broker's shallow queues from the backlog in the database, and recovers what was
/// lost on the way.
///
/// Every gateway runs one; there is no leader. A poke makes a new task run within milliseconds, a tick finds the rest.
public final class DispatcherService: Service {
    let configuration: DispatcherConfiguration
    let store: Store
    let publisher: AMQPPublisher
    private let database: PostgresConfiguration
    private let logger: Logger
    private let signals = DispatcherSignals()
    let outbox: Outbox
    let directAdmission = DirectAdmission()
    let newcomers = Newcomers()
    let gateBook = GateBook()
    let accepted = Atomic(0)
    let metrics = DispatcherMetrics()
    private let pulse = Mutex(Pulse())

    /// - Parameter database: for the session that hears of tasks that may run now; the rest goes through `store`.
    public init(
        configuration: DispatcherConfiguration, store: Store, database: PostgresConfiguration, publisher: AMQPPublisher, logger: Logger
    ) {
        self.database = database
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
        outbox = Outbox(configuration: configuration, store: store, publisher: publisher, logger: logger)
    }

    /// Tasks were accepted.
    public func poke() { signals.tell(.work) }

    /// A project was created.
    public func pokeProjects() { signals.tell(.project) }

    /// How many tasks were accepted here.
    public var acceptedCount: Int { accepted.load(ordering: .relaxed) }

    /// Whether the loop that admits goes round, or waits for work.
    public var isGoingRound: Bool { !pulse.withLock { $0.isStuck(at: .now, limit: Self.patienceWithLoop) } }

    /// More than the statements of one round may take together.
    private static let patienceWithLoop = Duration.seconds(120)

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.tick() }
                group.addTask { await self.outbox.run() }
                group.addTask { await self.followConnection() }
                group.addTask { await self.watchWorkers() }
                group.addTask { await self.watchAdmission() }
                await self.work()
                group.cancelAll()
            }
        }
        // What was admitted while all of this ended.
        await outbox.sendAll()
    }

    private func tick() async {
        while !Task.isCancelled {
            signals.tell(.tick)
            try? await Task.sleep(for: configuration.tick)
        }
    }

    private func followConnection() async {
        for await state in publisher.connectionStates {
            if case .connected = state { signals.tell(.reconnected) }
        }
    }

    private func watchWorkers() async {
        var watch = WorkerWatch(configuration: configuration, store: store, logger: logger) { [signals] in signals.tell(.work) }
        await watch.run()
    }

    private func watchAdmission() async {
        let watch = AdmissionWatch(database: database, logger: logger) { [signals, gateBook] isAboutGates in
            if isAboutGates { gateBook.expire() }
            signals.tell(.work)
        }
        await watch.run()
    }

    private func work() async {
        var admission = Admission(
            configuration: configuration, store: store, publisher: publisher, outbox: outbox, directAdmission: directAdmission,
            newcomers: newcomers, gateBook: gateBook, metrics: metrics)
        defer { directAdmission.close() }
        var recovery = Recovery(configuration: configuration, store: store, publisher: publisher, logger: logger)
        var wait = HeldBackWait(range: configuration.heldBackWait)
        var alarm: Task<Void, Never>?
        var ticks = 0
        for await _ in signals.wakeUps {
            if Task.isCancelled { break }
            pulse.withLock { $0.works(at: .now) }
            defer { pulse.withLock { $0.waits() } }
            let told = signals.take()
            if told.contains(.tick) { await keepHouse(&recovery) }
            // Without a broker there is nobody to hand tasks to: they wait in the database.
            guard publisher.takesMessages else { continue }
            do {
                if told.contains(.reconnected) {
                    admission.forgetDepths()
                    _ = try await recovery.readmitLostMessages(age: .zero)
                }
                if told.contains(.tick) {
                    ticks += 1
                    gateBook.expire()
                    _ = try await recovery.tick()
                }
                if !told.isDisjoint(with: [.project, .reconnected]) || told.contains(.tick) && ticks % 10 == 0 {
                    try await announceProjects()
                }
                alarm?.cancel()
                alarm = try await admitAll(with: &admission, &wait).map(wake)
            } catch is CancellationError {
                break
            } catch {
                // The tick tries again; what was under way rolled back.
                directAdmission.close()
                logger.warning("dispatching failed, it is tried again", metadata: ["error": "\(error)"])
            }
        }
        alarm?.cancel()
    }

    private func keepHouse(_ recovery: inout Recovery) async {
        do {
            if try await recovery.keepHouse() { signals.tell(.work) }
        } catch {
            logger.warning("deadlines and projects were not looked after, it is tried again", metadata: ["error": "\(error)"])
        }
    }

    /// Unstructured, because a signal may come first and end the wait.
    private func wake(after delay: Duration) -> Task<Void, Never> {
        Task { [signals] in
            try? await Task.sleep(for: delay)
            if !Task.isCancelled { signals.tell(.work) }
        }
    }

    /// Rounds until nothing waits that could run, or what waits finds no room. A tick's worth of rounds at the most, so that recovery gets
    /// its turn.
    ///
    /// - Returns: after what time to look again, where a tick would be late.
    private func admitAll(with admission: inout Admission, _ wait: inout HeldBackWait) async throws -> Duration? {
        let end = ContinuousClock.now + configuration.tick
        while !Task.isCancelled, ContinuousClock.now < end {
            switch try await admission.round() {
            case .idle(let due):
                return due.flatMap { $0 < configuration.tick ? max($0, configuration.heldBackWait.lowerBound) : nil }
            case .admitted(let count):
                wait.reset()
                logger.trace("admitted", metadata: ["tasks": "\(count)"])
            case .turnedPage: break
            case .heldBack(let taken):
                if taken > 0 { wait.reset() }
                // New tasks do not make room: however many come, it looks no more often than this.
                let pause = wait.heldBack()
                let shortest = taken < configuration.busyPace ? min(pause, configuration.busyWait) : configuration.busyWait
                let first = min(shortest, configuration.heldBackWait.lowerBound)
                try await Task.sleep(for: first)
                // Those of a newcomer may not need any.
                if admission.hasNewcomer() { return .zero }
                try await Task.sleep(for: shortest - first)
                return max(.zero, pause - shortest)
            }
        }
        return .zero
    }

    private func announceProjects() async throws {
        let partitioning = configuration.partitioning
        let timeout = configuration.confirmTimeout
        while try await store.announceProjects(
            limit: 100,
            publish: { [publisher] ids in
                try await publisher.publish(ids.map { ProjectMessage(projectID: $0).message(partitioning: partitioning) }, timeout: timeout)
            }) == 100
        {}
    }
}
