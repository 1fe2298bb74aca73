import AMQP
import Domain
import FoundationEssentials
import Logging
import Queues
import Store

/// Finds what nobody works on any more: tasks of workers that are gone, tasks whose message the broker lost, tasks that were too late, and
/// tasks of projects that were paused or cancelled.
struct Recovery {
    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private let logger: Logger
    private var ticks = 0

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
    }

    /// One look; the rarer ones every few ticks. Gives the number of tasks that wait anew.
    mutating func tick() async throws -> Int {
        ticks += 1
        var recovered = try await handOnTasksOfLostWorkers()
        if ticks % 5 == 0 { recovered += try await readmitLostMessages(age: configuration.messageAge) }
        return recovered
    }

    /// What needs no broker: fails what was too late, and makes tasks follow their project.
    func keepHouse() async throws {
        while try await store.expireWaiting(limit: 1_000) == 1_000 {}
        for id in try await store.settlingProjects(limit: 100) {
            let count = try await store.settle(projectID: id)
            if count > 0 { logger.notice("tasks followed their project", metadata: ["project_id": "\(id.text)", "tasks": "\(count)"]) }
        }
    }

    private func handOnTasksOfLostWorkers() async throws -> Int {
        let lost = try await store.markLostWorkers(lease: configuration.lease)
        for worker in lost {
            logger.warning("a worker is gone: its tasks are handed on", metadata: ["worker_id": "\(worker.text)"])
        }
        // Another gateway may have marked a worker and died: a look now and then finds its tasks.
        guard !lost.isEmpty || ticks % 10 == 1 else { return 0 }
        var handedOn = 0
        while true {
            let count = try await store.requeueOrphans(limit: 1_000)
            handedOn += count
            if count < 1_000 { break }
        }
        if handedOn > 0 { logger.notice("handed on tasks of workers that are gone", metadata: ["tasks": "\(handedOn)"]) }
        return handedOn
    }

    /// Admits anew what has been `in_queue` for longer than `age` in queues that are empty.
    func readmitLostMessages(age: Duration) async throws -> Int {
        let stale = try await store.staleInQueue(olderThan: age)
        guard !stale.isEmpty else { return 0 }
        let queues = Array(LostMessages.queues(of: stale, partitioning: configuration.partitioning))
        let statuses = try await publisher.status(of: queues.map(QueueNames.tasks))
        let ready = zip(queues, statuses).reduce(into: [:]) { ready, pair in ready[pair.0] = pair.1?.messageCount ?? 0 }
        let lost = LostMessages.entries(in: stale, ready: ready, partitioning: configuration.partitioning)
        guard !lost.isEmpty else { return 0 }
        let count = try await store.readmit(lost, olderThan: age)
        if count > 0 { logger.notice("the broker lost messages: their tasks are admitted anew", metadata: ["tasks": "\(count)"]) }
        return count
    }
}
