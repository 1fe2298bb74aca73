import AMQP
import Domain
import FoundationEssentials
import Logging
import Queues
import Store

/// Moves what waits in the database into the broker's queues, a round at a time.
struct Admission {
    /// What came of one round.
    enum Progress: Sendable, Hashable {
        /// Nothing waits that could run now.
        case idle
        /// Tasks were admitted; more may wait.
        case admitted(Int)
        /// Tasks wait for room in the queues.
        case heldBack
    }

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private var depths: [TaskQueue: QueueDepthTarget] = [:]
    private var turn = 0
    /// Where the next round begins when more projects wait than one round looks at.
    private var start: UUID?

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
    }

    mutating func round() async throws -> Progress {
        let backlog = try await store.backlog(from: start, limit: configuration.backlogPage)
        let isLastPage = backlog.count < configuration.backlogPage
        defer { start = isLastPage ? nil : backlog.last?.projectID }
        if backlog.isEmpty { return start == nil ? .idle : .heldBack }

        let queues = Set(backlog.map { queue(of: $0.projectID, $0.priority) })
        try await readDepths(of: queues)
        let room = Dictionary(uniqueKeysWithValues: queues.map { ($0, depths[$0]?.room ?? 0) })
        turn += 1
        let plan = AdmissionPlan(
            backlog: backlog, room: room, limit: configuration.batchSize, turn: turn, partitioning: configuration.partitioning)
        if plan.grants.isEmpty { return .heldBack }

        let admitted = try await store.admit(plan.grants) { [publisher, configuration] tasks in
            try await publisher.publish(
                tasks.map { $0.message(partitioning: configuration.partitioning) }, timeout: configuration.confirmTimeout)
        }
        for task in admitted { depths[queue(of: task.projectID, task.priority)]?.published(1) }
        if !admitted.isEmpty { return .admitted(admitted.count) }
        return plan.isHeldBack ? .heldBack : .idle
    }

    /// Forgets what it knows of the queues: the broker is another one, or was away.
    mutating func forgetDepths() { depths.removeAll() }

    /// Asks the broker how full those queues are of which the estimate does not do.
    private mutating func readDepths(of queues: Set<TaskQueue>) async throws {
        let unsure = queues.filter { depths[$0]?.needsReading ?? true }
        guard !unsure.isEmpty else { return }
        let names = unsure.map(QueueNames.tasks)
        let statuses = try await publisher.status(of: names)
        for (queue, status) in zip(unsure, statuses) {
            depths[queue, default: QueueDepthTarget(range: configuration.queueDepth)].read(ready: status?.messageCount ?? 0)
        }
    }

    private func queue(of projectID: UUID, _ priority: Int) -> TaskQueue {
        TaskQueue(projectID: projectID, priority: priority, partitioning: configuration.partitioning)
    }
}

extension AdmittedTask {
    fileprivate func message(partitioning: Partitioning) -> AMQPMessage {
        TaskMessage(taskID: id, projectID: projectID, priority: priority, attempt: attempt).message(partitioning: partitioning)
    }
}
