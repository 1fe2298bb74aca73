import CoreMetrics
import Domain
import FoundationEssentials
import NIOCore
import Store
import Synchronization

/// Who reads: seats, and from where on the log is whole for them.
extension EventHub {
    /// What a stream waits for transactions that began before it.
    private static let barrier = Duration.seconds(5)
    private static let stopping = Problem.unavailable("This gateway is stopping. Try again.", retryAfter: 1)
    private static let heldUp = Problem.unavailable("A long transaction holds up the beginning of the stream. Try again.", retryAfter: 2)

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
    func listen(to projectID: UUID, noOlderThan limit: Duration?) async throws {
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
}
