public import Domain
public import FoundationEssentials
import Queues
public import Store

/// Looks whether the laws of conservation hold of a live system, and changes nothing.
///
/// The database is read in one snapshot; the broker is asked afterwards, and what it seems to have lost is looked at again: tasks move on
/// meanwhile.
public struct Verification: Sendable {
    /// How many messages are ready in each queue of a list of names, in its order; 0 where a queue does not exist.
    public typealias QueueDepths = @Sendable ([String]) async throws -> [Int]

    /// Ids reported of each law.
    public static let idLimit = 20

    private let store: Store
    private let partitioning: Partitioning
    private let grace: Duration
    private let looks: Int
    private let pause: Duration
    private let depths: QueueDepths?

    /// - Parameters:
    ///   - grace: what may lie between two steps that belong together; longer than a worker's lease.
    ///   - depths: asks the broker; nil leaves `queuedHasMessage` out.
    ///   - looks: how often what the broker seems to have lost is looked at, `pause` apart: a message is nobody's while it is on its way to
    ///     a worker and back.
    public init(
        store: Store, partitioning: Partitioning, grace: Duration, depths: QueueDepths?, looks: Int = 5,
        pause: Duration = .milliseconds(200)
    ) {
        self.store = store
        self.partitioning = partitioning
        self.grace = grace
        self.depths = depths
        self.looks = looks
        self.pause = pause
    }

    public func run() async throws -> VerificationReport {
        var pass = try await store.verify(grace: grace, idLimit: Self.idLimit)
        var laws = Set(Law.allCases)
        if let depths {
            let lost = try await withoutMessage(pass.queued, depths)
            pass.add(lost.count, lost.map(\.id), breaking: .queuedHasMessage, limit: Self.idLimit)
        } else {
            laws.remove(.queuedHasMessage)
        }
        return VerificationReport(pass: pass, laws: Law.allCases.filter(laws.contains))
    }

    /// The tasks of queues that hold fewer messages than tasks wait in them, look after look.
    private func withoutMessage(_ queued: [QueuedTask], _ depths: QueueDepths) async throws -> [QueuedTask] {
        var suspects = queued
        for look in 1...max(1, looks) {
            if suspects.isEmpty { break }
            if look > 1 { try await Task.sleep(for: pause) }
            let queues = Set(suspects.map(queue)).sorted { ($0.partition, $0.lane.rawValue) < ($1.partition, $1.lane.rawValue) }
            let ready = Dictionary(uniqueKeysWithValues: zip(queues, try await depths(queues.map(QueueNames.tasks))))
            // Only what has not moved since the broker was asked had its message there then.
            let waiting = Dictionary(grouping: try await store.stillQueued(suspects), by: queue)
            suspects = waiting.filter { queue, tasks in tasks.count > ready[queue] ?? 0 }.values.flatMap { $0 }
        }
        return suspects.sorted { $0.updatedAt < $1.updatedAt }
    }

    private func queue(of task: QueuedTask) -> TaskQueue {
        TaskQueue(projectID: task.projectID, priority: task.priority, partitioning: partitioning)
    }
}

/// What a verification found.
public struct VerificationReport: Sendable {
    /// One law, and what breaks it.
    public struct Finding: Sendable, Hashable {
        public var law: Law
        /// How much breaks it: tasks, or what else the law speaks of.
        public var count: Int
        /// The first of them.
        public var ids: [UUID]
    }

    /// Tasks looked at.
    public var tasks: Int
    /// The laws that were checked, each with its violations.
    public var findings: [Finding]

    init(pass: VerificationPass, laws: [Law]) {
        tasks = pass.tasks
        findings = laws.map { Finding(law: $0, count: pass.counts[$0] ?? 0, ids: pass.firstIDs[$0] ?? []) }
    }

    public var broken: [Finding] { findings.filter { $0.count > 0 } }
    public var holds: Bool { broken.isEmpty }

    public var json: JSONValue {
        [
            "tasks": .number(JSONNumber(tasks)),
            "holds": .bool(holds),
            "laws": .array(
                findings.map { finding in
                    [
                        "law": .string(finding.law.rawValue), "holds": .bool(finding.count == 0),
                        "count": .number(JSONNumber(finding.count)),
                        "\(finding.law.subject)_ids": .array(finding.ids.map { .string($0.text) }),
                    ]
                }),
        ]
    }
}
