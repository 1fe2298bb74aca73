import Domain
import FoundationEssentials
import Logging
import Store
import Synchronization

/// The log is read once, and what it says handed to all who want it.
extension EventHub {
    /// Events of one look.
    private static let page = 1_000

    /// Reads on for as long as somebody has a seat.
    func read() async {
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

    func tick() async {
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
}
