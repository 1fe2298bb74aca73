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
        /// Nothing waits that could run now; the next task's time comes after `due`, if that is known.
        case idle(due: Duration?)
        /// Tasks were admitted; more may wait.
        case admitted(Int)
        /// There is more of the backlog to look at.
        case turnedPage
        /// Tasks wait for room: in the queues, or under their project's cap.
        case heldBack
    }

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private var share = FairShare()
    private var depth: QueueDepthTarget
    /// The admitted tasks that were still in a queue when they were asked about last: at most the target.
    private var queued: [UUID] = []
    /// Where the next look goes on when more projects wait than one look takes in.
    private var start: UUID?
    private var inFlightReadAt: ContinuousClock.Instant?

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        depth = QueueDepthTarget(range: configuration.queueDepth)
    }

    mutating func round() async throws -> Progress {
        let asked = depth.needsReading ? queued : []
        let backlog = try await store.backlog(from: start, limit: configuration.backlogPage, queued: asked)
        if !asked.isEmpty {
            queued = backlog.queued
            depth.read(depth: queued.count)
        }
        share.meet(backlog.entries, tokensInFlight: try await tokensInFlight(backlog.entries), endsPass: backlog.next == nil)
        start = backlog.next

        let plan = share.plan(backlog.entries, room: min(depth.room, configuration.batchSize))
        if plan.grants.isEmpty { return progress(backlog) }
        let admitted = try await store.admit(plan.grants) { [publisher, configuration] tasks in
            try await publisher.publish(
                plan.ordered(tasks).map { $0.message(partitioning: configuration.partitioning) }, timeout: configuration.confirmTimeout)
        }
        share.charge(
            admitted, weights: Dictionary(backlog.entries.map { ($0.projectID, $0.weight) }, uniquingKeysWith: { first, _ in first }))
        queued += admitted.map(\.id)
        depth.admitted(admitted.count)
        return admitted.isEmpty ? .heldBack : .admitted(admitted.count)
    }

    /// Forgets what it knows of the queues: the broker is another one, or was away.
    mutating func forgetDepths() {
        queued.removeAll()
        depth = QueueDepthTarget(range: configuration.queueDepth)
    }

    /// Read when a project joins others, and not for each of many that come and go.
    private mutating func tokensInFlight(_ entries: [BacklogEntry]) async throws -> [UUID: Int]? {
        guard share.wantsTokensInFlight(for: entries) else { return nil }
        let now = ContinuousClock.now
        if let last = inFlightReadAt, now < last + configuration.inFlightAge { return nil }
        inFlightReadAt = now
        return try await store.tokensInFlight(of: Array(Set(entries.filter(\.mayRun).map(\.projectID))))
    }

    /// Why nothing was planned.
    private func progress(_ backlog: Backlog) -> Progress {
        let isDue = backlog.entries.contains(where: \.isDue)
        if isDue, depth.room == 0 { return .heldBack }
        if backlog.next != nil { return .turnedPage }
        return isDue ? .heldBack : .idle(due: backlog.entries.lazy.filter(\.isActive).map(\.dueIn).min())
    }
}

extension AdmittedTask {
    fileprivate func message(partitioning: Partitioning) -> AMQPMessage {
        TaskMessage(taskID: id, projectID: projectID, priority: priority, attempt: attempt).message(partitioning: partitioning)
    }
}
