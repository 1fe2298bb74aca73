public import AMQP
import Domain
public import Engines
import FoundationEssentials
public import Logging
public import Postgres
import Queues
public import ServiceLifecycle
public import Store
import Synchronization

/// Consumes the queues, claims, executes, records.
///
/// `deliveries → wait for a free slot → claim (micro-batched) → ack → execute → record (micro-batched)`. A delivery is acknowledged when
/// its claim is committed: from then on the database owns the task through the worker's lease. What cannot start at once goes back to the
/// broker, and the worker stops consuming until a slot is free: a full worker holds nothing back from an idle one.
public final class WorkerService: Service {
    private let configuration: WorkerConfiguration
    private let drainTimeout: Mutex<Duration>
    private let store: Store
    private let consumer: AMQPConsumer
    private let engines: EngineRegistry
    private let executor: (any TaskExecutor)?
    private let logger: Logger
    private let lease: WorkerLease
    private let slots: Slots
    /// The places for calls that have ended and are being recorded, meanwhile another one has their slot: as many again, so that an outage
    /// of the database ends the work, and not the memory.
    private let recordings: Slots
    private let running: RunningTasks
    private let gates: EngineGates
    private let engineWatch: EngineWatch
    private let runner: TaskRunner
    private let recorder: Recorder
    private let readingAlong: ReadingAlong
    private let pulse = Mutex(Pulse())
    private let ended = Atomic(0)

    /// - Parameters:
    ///   - database: for the session that keeps the worker alive; the rest goes through `store`.
    ///   - journal: keeps outcomes while the database is away.
    ///   - executor: where the worker's own work runs: the thread that carries its calls, which spares each of them some hops. nil for Swift's
    ///     own threads.
    public init(
        configuration: WorkerConfiguration, store: Store, database: PostgresConfiguration, broker: AMQPConfiguration,
        topology: AMQPTopology, engines: EngineRegistry, journal: Journal? = nil, executor: (any TaskExecutor)? = nil,
        logger: Logger
    ) {
        self.configuration = configuration
        drainTimeout = Mutex(configuration.drainTimeout)
        self.store = store
        self.engines = engines
        self.executor = executor
        self.logger = logger
        let partitioning = configuration.partitioning
        consumer = AMQPConsumer(
            configuration: broker, topology: topology,
            queues: partitioning.taskQueues.map(QueueNames.tasks) + partitioning.indices.map(QueueNames.projects),
            prefetch: configuration.prefetch, logger: logger)
        let slots = Slots(capacity: configuration.concurrency)
        self.slots = slots
        recordings = Slots(capacity: configuration.concurrency)
        let running = RunningTasks(executor: executor)
        self.running = running
        let readingAlong = ReadingAlong(store: store, logger: logger)
        self.readingAlong = readingAlong
        let lease = WorkerLease(
            configuration: configuration, database: database, slots: slots, running: running, readingAlong: readingAlong, logger: logger)
        self.lease = lease
        let gates = EngineGates(store: store, logger: logger) { lease.identity?.id }
        self.gates = gates
        let watch = EngineWatch(engines: engines, gates: gates, store: store, interval: configuration.engineRefresh, logger: logger)
        engineWatch = watch
        runner = TaskRunner(
            engines: engines, store: store, gates: gates, policy: OutcomePolicy(backoff: configuration.backoff), logger: logger,
            engineWatch: watch, readingAlong: readingAlong)
        recorder = Recorder(store: store, journal: journal, metrics: runner.metrics, logger: logger)
    }

    /// Works until the graceful shutdown, then drains: finishes what fits in the time, hands back the rest, and leaves.
    public func run() async throws {
        await withTaskExecutorPreference(executor) { await runOnExecutor() }
    }

    private func runOnExecutor() async {
        await withThrowingTaskGroup { services in
            services.addTask { await self.recorder.run() }
            await cancelWhenGracefulShutdown { await self.prepare() }
            // Not where the calls are carried: however much there is to do, the renewal must come in time.
            services.addTask(executorPreference: globalConcurrentExecutor) { try await self.lease.run() }
            services.addTask { try await self.consumer.run() }
            // Until the last call has ended, like the recorder.
            services.addTask { await self.gates.run() }
            services.addTask { await self.readingAlong.run() }
            services.addTask { for await _ in self.lease.gateMoves { await self.gates.refresh() } }
            services.addTask { await cancelWhenGracefulShutdown { await self.engineWatch.run() } }
            await self.work()
            // A worker that leaves records behind in its journal stays alive for its lease: a successor brings them in meanwhile.
            if let worker = self.lease.identity, !self.recorder.isOwing { try? await self.store.setWorkerStatus(.stopped, of: worker.id) }
            services.cancelAll()
        }
    }

    /// What must have happened before the worker is seen as alive: what a predecessor left is recorded, and the engines are known.
    private func prepare() async {
        await recorder.recordFound()
        await engineWatch.begin()
    }

    /// Works so from now on: what runs goes on, and after a cut no task begins until there are fewer than may be.
    /// - Parameter hosts: where engines may be called.
    public func reload(concurrency: Int, drainTimeout: Duration, hosts: EngineHosts) async {
        slots.resize(to: concurrency)
        recordings.resize(to: concurrency)
        self.drainTimeout.withLock { $0 = drainTimeout }
        engines.allow(hosts)
        await engineWatch.reload()
    }

    /// How many calls at once there is room for.
    public var concurrency: Int { slots.capacity }

    /// How many tasks run here.
    public var runningCount: Int { running.count }

    /// How many tasks have run here, however they ended.
    public var endedCount: Int { ended.load(ordering: .relaxed) }

    /// Whether the broker can give it messages.
    public var isConnected: Bool { consumer.isConnected }

    /// Whether it may claim: it is known as alive to the others.
    public var isRegistered: Bool { lease.identity != nil }

    /// Whether the loop that consumes goes round. Hangs where the thread that carries it does.
    public func isConsuming() async -> Bool {
        // A task of its own, because it has to run on that very thread to know.
        await Task(executorPreference: executor) { !self.pulse.withLock { $0.isStuck(at: .now, limit: Self.patienceWithLoop) } }.value
    }

    /// More than any statement or question to the broker may take.
    private static let patienceWithLoop = Duration.seconds(90)

    private func work() async {
        await withDiscardingTaskGroup { group in
            var lookAhead = LookAhead<WaitingDelivery>(patience: configuration.patience)
            for await deliveries in consumer.deliveries.cancelOnGracefulShutdown() {
                await receive(deliveries, into: &lookAhead, in: &group)
                await begin(&lookAhead, in: &group)
                pulse.withLock { $0.waits() }
            }
            if let worker = lease.identity { try? await store.setWorkerStatus(.draining, of: worker.id) }
            await slots.waitForAll(timeout: drainTimeout.withLock { $0 })
            await recordings.waitForAll(timeout: .seconds(1))
            if running.count > 0 { logger.notice("handing back what did not finish in time", metadata: ["tasks": "\(running.count)"]) }
            group.cancelAll()
        }
    }

    /// A message whose task was not claimed yet.
    private struct WaitingDelivery: Sendable {
        var delivery: AMQPDelivery
        var taskID: UUID
    }

    private func receive(
        _ deliveries: [AMQPDelivery], into lookAhead: inout LookAhead<WaitingDelivery>, in group: inout DiscardingTaskGroup
    ) async {
        let now = ContinuousClock.now
        for delivery in deliveries {
            if let message = TaskMessage(body: delivery.body) {
                lookAhead.append(WaitingDelivery(delivery: delivery, taskID: message.taskID), project: message.projectID, at: now)
            } else if let message = ProjectMessage(body: delivery.body) {
                group.addTask { await self.welcome(message.projectID, delivery) }
            } else {
                logger.error("a message that is none of Chorus's was dropped", metadata: ["queue": "\(delivery.queue)"])
                await consumer.reject([delivery], requeue: false)
            }
        }
    }

    /// Claims what waits as slots become free. Without any for a while, all of it goes back to the broker.
    private func begin(_ lookAhead: inout LookAhead<WaitingDelivery>, in group: inout DiscardingTaskGroup) async {
        while !lookAhead.isEmpty {
            pulse.withLock { $0.works(at: .now) }
            if slots.free == 0 { await slots.waitForFree(timeout: configuration.patience) }
            // What came meanwhile may have to go first.
            await receive(consumer.deliveries.gathered(), into: &lookAhead, in: &group)
            let count = slots.take(upTo: lookAhead.count)
            guard count > 0, !recorder.isFull, let worker = lease.identity else {
                slots.giveBack(count)
                return await giveBack(lookAhead.removeAll().map(\.delivery))
            }
            let next = lookAhead.next(count, now: .now, running: running.count(of:))
            await claim(next.map(\.delivery), next.map(\.taskID), worker: worker, in: &group)
        }
    }

    private func claim(_ deliveries: [AMQPDelivery], _ ids: [UUID], worker: WorkerIdentity, in group: inout DiscardingTaskGroup) async {
        await engineWatch.lookWhereNoneIsKnown()
        do {
            let start = ContinuousClock.now
            let claimed = try await store.claim(ids, workerID: worker.id, fleetDefault: engines.defaultEngine)
            runner.metrics.claimed(claimed, of: ids.count, after: .now - start)
            await consumer.acknowledge(deliveries)
            // A message of a task that moved on gets no claim, and needs no slot.
            slots.giveBack(ids.count - claimed.count)
            for task in claimed {
                group.addTask { await self.execute(task, worker: worker) }
            }
        } catch {
            slots.giveBack(ids.count)
            logger.warning("claiming failed, the messages go back", metadata: ["tasks": "\(ids.count)", "error": "\(error)"])
            await giveBack(deliveries)
        }
    }

    private func execute(_ task: ClaimedTask, worker: WorkerIdentity) async {
        await running.run(TaskClaim(taskID: task.id, attempt: task.attempt), of: task.projectID) {
            // Between the claim and this moment the worker may have been taken for dead, and its other calls stopped.
            let isStillHere = self.lease.identity?.id == worker.id
            let settlement =
                isStillHere ? await TaskTrace.run(task) { await self.runner.run(task, workerID: worker.id) } : .handedBack(task)
            let place = self.recordings.take(upTo: 1) == 1 ? self.recordings : self.slots
            if place === self.recordings { self.slots.giveBack() }
            await self.recorder.record(settlement, of: task.projectID, workerID: worker.id)
            self.ended.add(1, ordering: .relaxed)
            self.runner.metrics.recorded(settlement.outcome)
            place.giveBack()
        }
    }

    /// Stops consuming first, so that what goes back does not come back; then waits until there is something to do it with.
    private func giveBack(_ deliveries: [AMQPDelivery]) async {
        await consumer.pause()
        await consumer.reject(deliveries, requeue: true)
        if lease.identity == nil || recorder.isFull { try? await Task.sleep(for: .milliseconds(200)) }
        // As long as the calls that run here.
        pulse.withLock { $0.waits() }
        await slots.waitForFree()
        pulse.withLock { $0.works(at: .now) }
        await consumer.resume()
    }

    private func welcome(_ projectID: UUID, _ delivery: AMQPDelivery) async {
        do {
            let welcome = ProjectWelcome(engines: engines, store: store, logger: logger)
            try await welcome.welcome(projectID, worker: configuration.name)
            await consumer.acknowledge([delivery])
        } catch {
            logger.warning("a project could not be checked", metadata: ["project_id": "\(projectID.text)", "error": "\(error)"])
            await consumer.reject([delivery], requeue: true)
        }
    }
}
