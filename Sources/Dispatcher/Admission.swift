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
        /// Tasks wait for room: in the queues, of which workers took some since the last look, or under their project's cap.
        case heldBack(taken: Int)
    }

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private var share = FairShare()
    private var depth: QueueDepthTarget
    /// The queues that may hold messages.
    private var filled: Set<TaskQueue> = []
    private let outbox: Outbox
    private let directAdmission: DirectAdmission
    private let newcomers: Newcomers
    private let gateBook: GateBook
    private let metrics: DispatcherMetrics
    private var engineRooms = EngineRooms()
    private var budgetWaits = BudgetWaits()
    /// Where the next look goes on when more projects wait than one look takes in.
    private var start: UUID?
    /// A project that was not waiting has tasks that wait, and the backlog was not looked at since.
    private var mayHaveNewcomer = false
    /// Something was seen in this pass through the backlog that could run.
    private var passMayRun = false
    private var inFlightReadAt: ContinuousClock.Instant?

    init(
        configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, outbox: Outbox, directAdmission: DirectAdmission,
        newcomers: Newcomers, gateBook: GateBook, metrics: DispatcherMetrics
    ) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.outbox = outbox
        self.directAdmission = directAdmission
        self.newcomers = newcomers
        self.gateBook = gateBook
        self.metrics = metrics
        depth = QueueDepthTarget(range: configuration.queueDepth)
    }

    mutating func round() async throws -> Progress {
        let direct = directAdmission.collect()
        filled.formUnion(direct.queues)
        depth.admitted(direct.count)
        if depth.needsReading { try await readDepth() }
        if depth.room == 0 {
            directAdmission.close()
            // Who has less than its share need not wait for room.
            guard depth.overdraft > 0, hasNewcomer() else { return .heldBack(taken: depth.taken) }
        }
        mayHaveNewcomer = false
        if start == nil { passMayRun = false }
        try await gateBook.refresh(store)
        var backlog = try await store.backlog(from: start, limit: configuration.backlogPage)
        backlog.entries = try await judged(backlog.entries)
        share.meet(backlog.entries, tokensInFlight: try await tokensInFlight(backlog.entries), endsPass: backlog.next == nil)
        start = backlog.next
        if backlog.entries.contains(where: \.mayRun) { passMayRun = true }

        let room = min(depth.room, configuration.batchSize)
        let plan = share.plan(
            backlog.entries, room: room, overdraft: min(depth.overdraft, configuration.batchSize - room), engines: engineRooms.rooms)
        if plan.grants.isEmpty {
            if backlog.next == nil, !passMayRun { directAdmission.open(room: depth.room) }
            return progress(backlog)
        }
        directAdmission.close()
        let outcome = try await store.admit(plan.grants)
        let admitted = outcome.tasks
        metrics.admittedFromBacklog(admitted.count)
        budgetWaits.note(outcome.waiting, at: .now)
        outbox.put(plan.ordered(admitted))
        engineRooms.admitted(admitted, of: backlog.entries)
        share.charge(
            admitted, weights: Dictionary(backlog.entries.map { ($0.projectID, $0.weight) }, uniquingKeysWith: { first, _ in first }))
        for task in admitted { filled.insert(task.queue(configuration.partitioning)) }
        depth.admitted(admitted.count)
        let moved = admitted.count + outcome.parked
        return moved == 0 ? .heldBack(taken: 0) : .admitted(moved)
    }

    /// Whether a look at the backlog may be worth while though the queues have no room.
    mutating func hasNewcomer() -> Bool {
        if newcomers.take().contains(where: { !share.isWaiting($0) }) { mayHaveNewcomer = true }
        return mayHaveNewcomer
    }

    /// Forgets what it knows of the queues: the broker is another one, or was away.
    mutating func forgetDepths() {
        filled.removeAll()
        depth = QueueDepthTarget(range: configuration.queueDepth)
    }

    /// What is due of these tasks by their budgets, and by the limits and closings of their engines. Nothing is asked where no engine has any.
    private mutating func judged(_ entries: [BacklogEntry]) async throws -> [BacklogEntry] {
        let entries = budgetWaits.judged(entries, at: .now)
        let held = gateBook.held
        engineRooms.keep(held)
        let engines = engineRooms.engines(toReadFor: entries, held: held, at: .now)
        if !engines.isEmpty { engineRooms.read(try await store.engineFigures(of: engines), at: .now) }
        return engineRooms.judged(entries)
    }

    /// Asks the broker what no worker has taken yet.
    private mutating func readDepth() async throws {
        let queues = Array(filled)
        let ready = try await publisher.status(of: queues.map(QueueNames.tasks)).map { $0?.messageCount ?? 0 }
        depth.read(ready: ready.reduce(0, +), unpublished: outbox.count + directAdmission.underWay)
        filled = Set(zip(queues, ready).lazy.filter { $0.1 > 0 }.map(\.0))
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
        if backlog.next != nil { return .turnedPage }
        return backlog.entries.contains(where: \.isDue)
            ? .heldBack(taken: 0) : .idle(due: backlog.entries.lazy.filter(\.isActive).map(\.dueIn).min())
    }
}
