public import AMQP
import Domain
public import Logging
import Queues
public import ServiceLifecycle
public import Store

/// The one place that decides who runs next: it fills the broker's shallow queues from the backlog in the database, and recovers what was
/// lost on the way.
///
/// Every gateway runs one; there is no leader. A poke makes a new task run within milliseconds, a tick finds the rest.
public final class DispatcherService: Service {
    private enum Signal: Sendable {
        case work, project, reconnected, tick
    }

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private let logger: Logger
    private let signals: AsyncStream<Signal>
    private let signal: AsyncStream<Signal>.Continuation

    public init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
        // Signals that find the dispatcher busy say no more than the last few do.
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    /// Tasks were accepted.
    public func poke() { signal.yield(.work) }

    /// A project was created.
    public func pokeProjects() { signal.yield(.project) }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.tick() }
                group.addTask { await self.followConnection() }
                group.addTask { await self.watchWorkers() }
                await self.work()
                group.cancelAll()
            }
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            signal.yield(.tick)
            try? await Task.sleep(for: configuration.tick)
        }
    }

    private func followConnection() async {
        for await state in publisher.connectionStates {
            if case .connected = state { signal.yield(.reconnected) }
        }
    }

    private func watchWorkers() async {
        var watch = WorkerWatch(configuration: configuration, store: store, logger: logger) { [signal] in signal.yield(.work) }
        await watch.run()
    }

    private func work() async {
        var admission = Admission(configuration: configuration, store: store, publisher: publisher)
        var recovery = Recovery(configuration: configuration, store: store, publisher: publisher, logger: logger)
        var ticks = 0
        for await signal in signals {
            if Task.isCancelled { return }
            // Without a broker there is nobody to hand tasks to: they wait in the database.
            guard publisher.isConnected else { continue }
            do {
                switch signal {
                case .work: break
                case .project: try await announceProjects()
                case .reconnected:
                    admission.forgetDepths()
                    _ = try await recovery.readmitLostMessages(age: .zero)
                    try await announceProjects()
                case .tick:
                    ticks += 1
                    _ = try await recovery.tick()
                    if ticks % 10 == 0 { try await announceProjects() }
                }
                try await admitAll(with: &admission)
            } catch is CancellationError {
                return
            } catch {
                // The tick tries again; what was under way rolled back.
                logger.warning("dispatching failed, it is tried again", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Rounds until nothing waits that could run; while queues are full, it looks again after a moment. A tick's worth of rounds at the
    /// most, so that recovery gets its turn.
    private func admitAll(with admission: inout Admission) async throws {
        let end = ContinuousClock.now + configuration.tick
        while !Task.isCancelled, ContinuousClock.now < end {
            switch try await admission.round() {
            case .idle: return
            case .admitted(let count): logger.trace("admitted", metadata: ["tasks": "\(count)"])
            case .heldBack: try await Task.sleep(for: configuration.fullQueueWait)
            }
        }
        signal.yield(.work)
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
