import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import NIOCore
import ServiceLifecycle
import Store
import Synchronization

/// Reads the log of events once for all readers of this gateway, and hands each what it follows.
///
/// It asks the database for nothing while nobody reads. Readers are independent: one that falls behind goes back to the log, and holds up
/// nobody. What a gateway's end or a broken connection cut off goes on at any gateway, behind the last event that arrived.
final class EventHub: Service {
    struct Limits: Sendable {
        /// Streams at once, and of one key.
        var readers = 2_000
        var readersByCaller = 1_000
        /// Bytes that wait for one reader.
        var backlog = 1 << 20
        /// A reader that takes nothing for so long is cut.
        var patience: Duration = .seconds(60)
        /// The pause between looks at the log: while events come, and when it is quiet.
        var pace: ClosedRange<Duration> = .milliseconds(20) ... .milliseconds(100)
        /// So much longer for each reader: many are woken with many events at once, and not each with each.
        var pacePerReader: Duration = .microseconds(100)
        /// A stream that has been quiet for so long says that it lives.
        var heartbeat: Duration = .seconds(15)
        /// Readers that read the log for themselves at once.
        var catchUps = 4

        init(_ configuration: GatewayConfiguration) {
            readers = configuration.eventStreams
            readersByCaller = configuration.eventStreamsPerKey
            heartbeat = configuration.eventHeartbeat
        }
    }

    /// How long events are written down for a project that nobody reads any more: time enough to come back.
    static let listenerLifetime = Duration.seconds(3_600)
    private static let page = 1_000
    /// What a stream waits for transactions that began before it.
    private static let barrier = Duration.seconds(5)

    private struct Reader {
        var mailbox: EventMailbox
        var projectID: UUID
    }

    private struct State {
        var seats: EventSeats
        /// Everything up to here was handed on; nil while nobody reads.
        var position: Int64?
        var begins: Task<Int64?, any Error>?
        var readers: [EventTopic: [ObjectIdentifier: Reader]] = [:]
        /// Of each seat.
        var connections: [ObjectIdentifier: EventConnection] = [:]
        /// Of each project that somebody reads: how many do, and since when the log has it.
        var projects: [UUID: (readers: Int, logStart: Int64?)] = [:]
        var isClosed = false
    }

    let store: Store
    let limits: Limits
    let places: CatchUpPlaces
    let tasksToAskFor = TasksToAskFor()
    let logger: Logger
    private let state: Mutex<State>
    private let streams = Meter(label: "chorus_event_streams")
    private let logStarts = ReadThroughCache<UUID, Int64?>(capacity: 10_000) { $0 == nil ? .zero : .seconds(60) }
    private let wakeUp: AsyncStream<Void>.Continuation
    private let wakeUps: AsyncStream<Void>

    init(store: Store, limits: Limits, logger: Logger) {
        self.store = store
        self.limits = limits
        self.logger = logger
        places = CatchUpPlaces(limits.catchUps)
        state = Mutex(State(seats: EventSeats(limit: limits.readers, limitByCaller: limits.readersByCaller)))
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads until the graceful shutdown; then all streams end, so that their readers go on at another gateway.
    func run() async {
        await withGracefulShutdownHandler {
            await cancelWhenGracefulShutdown {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    for await _ in self.wakeUps { await self.read() }
                    group.cancelAll()
                }
            }
        } onGracefulShutdown: {
            self.close()
        }
        close()
    }

    private func close() {
        let mailboxes = state.withLock { state in
            state.isClosed = true
            return state.readers.values.flatMap { $0.values.map(\.mailbox) }
        }
        for mailbox in mailboxes { mailbox.end(.closed) }
    }

    // MARK: Readers

    /// A place for a reader, whose events are written down from now on, every one.
    ///
    /// - Throws: a 429 or 503 where there are too many, a 503 where a transaction holds up the beginning; what the database throws.
    func seat(
        _ topic: EventTopic, of projectID: UUID, for caller: UUID, on channel: any Channel
    ) async throws -> EventSeat {
        try state.withLock { state throws(Problem) in
            guard !state.isClosed else { throw Self.stopping }
            try state.seats.take(caller)
            streams.set(state.seats.count)
            state.projects[projectID, default: (0, nil)].readers += 1
        }
        let seat = EventSeat(self, topic: topic, projectID: projectID, caller: caller)
        let connection = seat.watch(channel)
        state.withLock { $0.connections[ObjectIdentifier(seat)] = connection }
        try await listen(to: projectID, noOlderThan: nil)
        try await begin()
        return seat
    }

    func leave(_ id: ObjectIdentifier, _ topic: EventTopic, _ projectID: UUID, _ caller: UUID) {
        state.withLock { state in
            state.seats.giveBack(caller)
            streams.set(state.seats.count)
            state.connections[id] = nil
            state.readers[topic]?[id] = nil
            if state.readers[topic]?.isEmpty ?? false { state.readers[topic] = nil }
            state.projects[projectID]?.readers -= 1
            if state.projects[projectID]?.readers == 0 { state.projects[projectID] = nil }
        }
    }

    func subscribe(_ seat: EventSeat) -> (position: Int64, mailbox: EventMailbox) {
        let mailbox = EventMailbox(limit: limits.backlog)
        let id = ObjectIdentifier(seat)
        let (position, isClosed) = state.withLock { state in
            state.readers[seat.topic, default: [:]][id] = Reader(mailbox: mailbox, projectID: seat.projectID)
            return (state.position ?? 0, state.isClosed)
        }
        if isClosed { mailbox.end(.closed) }
        // If it runs already; else the event that it does will ask.
        if case .task(let taskID) = seat.topic { tasksToAskFor.add(taskID) }
        return (position, mailbox)
    }

    /// Somebody follows a single task.
    var followsTasks: Bool { !followedTasks.isEmpty }

    /// The tasks that somebody follows by themselves.
    var followedTasks: [UUID] {
        state.withLock { state in state.readers.keys.compactMap { if case .task(let id) = $0 { id } else { nil } } }
    }

    /// Hands what a task's engine says to those who follow the task.
    func hand(_ delta: AnswerDelta) {
        let readers = state.withLock { state in state.readers[.task(delta.taskID)].map { Array($0.values) } ?? [] }
        for reader in readers { reader.mailbox.offer(.delta(delta)) }
    }

    /// Everything up to here is settled, and was handed to whoever had a mailbox.
    var position: Int64 { state.withLock { $0.position ?? 0 } }

    /// Has the project's events written down; where that had ended meanwhile, its readers look at the log again, and find out.
    private func listen(to projectID: UUID, noOlderThan limit: Duration?) async throws {
        let start = try await logStarts.value(for: projectID, noOlderThan: limit) { [store] in
            try await store.startLog(for: .sse, of: projectID, lifetime: Self.listenerLifetime, within: Self.barrier)
        }
        guard let start else { throw Self.heldUp }
        let isAnother = state.withLock { state in
            let known = state.projects[projectID]?.logStart
            state.projects[projectID]?.logStart = start
            return known.map { $0 != start } ?? false
        }
        guard isAnother else { return }
        let readers = state.withLock { state in state.readers.values.flatMap(\.values).filter { $0.projectID == projectID } }
        for reader in readers { reader.mailbox.end(.overrun) }
    }

    /// Finds out where the log ends, for the first reader after a time without.
    private func begin() async throws {
        let begins = state.withLock { state -> Task<Int64?, any Error>? in
            if state.position != nil { return nil }
            if let begins = state.begins { return begins }
            // Unstructured: others wait for it too, so the end of the reader that came first must not end it.
            let begins = Task { [store] in try await store.settledLogEnd(within: Self.barrier) }
            state.begins = begins
            return begins
        }
        guard let begins else { return }
        let result = await begins.result
        state.withLock { state in
            state.begins = nil
            if state.position == nil, case .success(let end?) = result { state.position = end }
        }
        guard try result.get() != nil else { throw Self.heldUp }
        wakeUp.yield()
    }

    // MARK: The log

    /// Reads on for as long as somebody has a seat.
    private func read() async {
        guard let position = state.withLock({ $0.position }) else { return }
        var reader = EventLogReader(store, after: position)
        var pause = limits.pace.lowerBound
        while !Task.isCancelled {
            let readers = state.withLock { state in
                if state.seats.count == 0 { state.position = nil }
                return state.position == nil ? 0 : state.seats.count
            }
            if readers == 0 { return }
            let crowd = limits.pacePerReader * readers
            do {
                let events = try await reader.next(limit: Self.page)
                publish(events, through: reader.position)
                if events.isEmpty, !reader.isBlocked {
                    pause = max(min(pause * 1.5, limits.pace.upperBound), crowd)
                } else {
                    pause = (events.count < Self.page ? limits.pace.lowerBound : .zero) + crowd
                }
            } catch {
                if Task.isCancelled { return }
                logger.warning("the log of events was not read, it is tried again", metadata: [LogKey.error: "\(error)"])
                pause = .seconds(1)
            }
            try? await Task.sleep(for: pause)
        }
    }

    private func publish(_ events: [EventRecord], through position: Int64) {
        let topics = state.withLock { state in Set(state.readers.keys) }
        let followsTasks = topics.contains { if case .task = $0 { true } else { false } }
        var batches: [EventTopic: EventBatch] = [:]
        for (projectID, events) in Dictionary(grouping: events, by: \.projectID) {
            let wanted =
                topics.contains(.project(projectID))
                ? events : events.filter { event in event.task.map { topics.contains(.task($0.id)) } ?? false }
            guard !wanted.isEmpty else { continue }
            let batch = EventBatch(wanted)
            if topics.contains(.project(projectID)) { batches[.project(projectID)] = batch }
            guard followsTasks else { continue }
            for part in batch.parts where part.name == .task(.processing) {
                if let taskID = part.taskID, topics.contains(.task(taskID)) { tasksToAskFor.add(taskID) }
            }
            for (taskID, batch) in batch.byTask() where topics.contains(.task(taskID)) { batches[.task(taskID)] = batch }
        }
        // Under the lock: whoever subscribes sees the position before, or after, these events.
        state.withLock { state in
            for (topic, readers) in state.readers {
                if !topics.contains(topic) {
                    // It came while they were written out: the log has them.
                    for reader in readers.values { reader.mailbox.end(.overrun) }
                } else if let batch = batches[topic] {
                    for reader in readers.values { reader.mailbox.offer(.events(batch)) }
                }
            }
            if state.position != nil { state.position = position }
        }
    }

    // MARK: Time

    private func tick() async {
        let pace = limits.heartbeat / 3
        var renewal = ContinuousClock.now + Self.listenerLifetime / 6
        while !Task.isCancelled {
            try? await Task.sleep(for: pace)
            let now = ContinuousClock.now
            let (readers, connections, position, projects) = state.withLock { state in
                (state.readers.values.flatMap(\.values), Array(state.connections.values), state.position, Array(state.projects.keys))
            }
            for connection in connections { connection.cutIfStuck(at: now, patience: limits.patience) }
            if let position { for reader in readers { reader.mailbox.offer(.tick(position: position)) } }
            guard now >= renewal else { continue }
            renewal = now + Self.listenerLifetime / 6
            for projectID in projects {
                do {
                    try await listen(to: projectID, noOlderThan: .zero)
                } catch {
                    logger.warning("a listener was not renewed", metadata: [LogKey.error: "\(error)"])
                }
            }
        }
    }

    private static let stopping = Problem.unavailable("This gateway is stopping. Try again.", retryAfter: 1)
    private static let heldUp = Problem.unavailable("A long transaction holds up the beginning of the stream. Try again.", retryAfter: 2)
}
