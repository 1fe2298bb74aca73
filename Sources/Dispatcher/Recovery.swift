import AMQP
import Domain
import FoundationEssentials
import Logging
import Queues
import Store

/// Finds what nobody will take any more: tasks whose message the broker lost, tasks that were too late, and tasks of projects that were
/// paused or cancelled.
struct Recovery {
    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private let logger: Logger
    private var ticks = 0
    private var rounds = 0
    /// Where the next look at what was paused over a budget goes on.
    private var parkedStart: UUID?

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
    }

    /// One look; the rarer ones every few ticks. Gives the number of tasks that wait anew.
    mutating func tick() async throws -> Int {
        ticks += 1
        var count = ticks % 5 == 0 ? try await readmitLostMessages(age: configuration.messageAge) : 0
        if ticks % 30 == 0 { count += try await readmitOverdue() }
        return count
    }

    /// What needs no broker: fails what was too late, lets families follow whose rows were held by somebody, and now and then makes tasks
    /// follow their project, where whoever moved it could not see to that. Gives whether tasks may run that could not before.
    mutating func keepHouse() async throws -> Bool {
        rounds += 1
        let chores = try await store.chores()
        while chores.deadlines, try await store.expireWaiting(limit: 1_000) == 1_000 {}
        if chores.families { _ = try await store.settleFamilies(limit: 100) }
        let hasResumed = chores.parked ? try await resumeParked() : false
        try await foldCounts()
        if rounds % 10 == 3 { try await forgetAnswers() }
        if rounds % 10 == 5 { _ = try await store.forgetMinutes(limit: 5_000) }
        if rounds % 10 == 7 { try await forgetEvents() }
        if rounds % 60 == 7 { _ = try await store.forgetSessions(limit: 10_000) }
        if rounds % 60 == 37 { try await store.forgetWaits() }
        if rounds % 1_000 == 7 { try await store.forgetIntakeTrials() }
        guard rounds % 5 == 1 else { return hasResumed }
        for id in try await store.settlingProjects(limit: 100) {
            let count = try await store.settle(projectID: id)
            if count > 0 { logger.notice("tasks followed their project", metadata: ["project_id": "\(id.text)", "tasks": "\(count)"]) }
        }
        return hasResumed
    }

    /// Lets tasks go on that were paused over a budget, where a reset or a raise has made room.
    private mutating func resumeParked() async throws -> Bool {
        let look = try await store.resumeParked(from: parkedStart)
        parkedStart = look.next
        if look.resumed > 0 { logger.notice("budgets have room again: tasks go on", metadata: ["tasks": "\(look.resumed)"]) }
        return look.resumed > 0
    }

    /// Adds what statements have noted to the figures of projects, a bounded number of notes.
    private func foldCounts() async throws {
        for _ in 0..<10 where try await store.foldCounts(limit: 5_000) < 5_000 { return }
    }

    /// Forgets idempotency keys whose time is over, a bounded number of them.
    private func forgetAnswers() async throws {
        for _ in 0..<20 where try await store.forgetAnswers(limit: 1_000) < 1_000 { return }
    }

    /// Ends listeners that nobody renewed, and forgets events and their deliveries whose time is over, a bounded number of them.
    private func forgetEvents() async throws {
        try await store.endListeners()
        for _ in 0..<20 where try await store.forgetDeliveries(limit: 1_000) < 1_000 { break }
        for _ in 0..<20 where try await store.forgetEvents(limit: 5_000) < 5_000 { return }
    }

    /// Takes back what has been `in_queue` for very long in queues that are never seen empty: a lost message does not show there. Where it
    /// was not lost, the claim refuses it, and the task takes its turn again.
    private func readmitOverdue() async throws -> Int {
        let overdue = try await store.staleInQueue(olderThan: configuration.messageLimit)
        guard !overdue.isEmpty else { return 0 }
        let count = try await store.readmit(overdue, olderThan: configuration.messageLimit, reason: "Its message is overdue.")
        if count > 0 { logger.notice("messages are overdue: their tasks wait anew", metadata: ["tasks": "\(count)"]) }
        return count
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
