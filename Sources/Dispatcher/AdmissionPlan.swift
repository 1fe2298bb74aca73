import Domain
import FoundationEssentials
import HeapModule
import Store

/// Who is admitted next, turn by turn.
///
/// A turn's task is known by the first one of its project, priority and engine: where the others cost more or less, or there are none, the next
/// plan makes it good. The cost of making a plan is that of its turns, and of the projects to choose from.
struct AdmissionPlan: Sendable {
    struct Turn: Sendable, Hashable {
        var projectID: UUID
        var priority: Int
        var engine = TaskEngine.unnamed
    }

    private(set) var turns: [Turn] = []
    /// The turns, counted.
    private(set) var grants: [AdmissionGrant] = []

    /// - Parameters:
    ///   - overdraft: how many turns more there may be, for projects that do not catch up with them on what is in flight.
    ///   - engines: the room of those engines that have not room for any number; all projects share it.
    init(
        _ entries: [BacklogEntry], room: Int, overdraft: Int, engines: [String: EngineRoom] = [:], projects: FairClock<UUID>,
        priorities: [UUID: FairClock<Int>]
    ) {
        guard room + overdraft > 0 else { return }
        var contenders = entries.byProject.compactMap { project, _, entries in
            Contender(entries.filter(\.mayRun), engines, project: projects, priorities: priorities[project] ?? FairClock())
        }
        var engines = engines
        var heap = Heap(contenders.indices.map { Bid(mark: contenders[$0].mark, contender: $0) })
        while turns.count < room + overdraft, let bid = heap.popMin() {
            if turns.count >= room, bid.mark > projects.now { break }
            if contenders[bid.contender].mayTakeTurn(engines) {
                turns.append(contenders[bid.contender].takeTurn(&engines))
                guard contenders[bid.contender].next(engines) else { continue }
            } else {
                // Others have used up the engine meanwhile: the project takes something else, at the mark of that.
                guard contenders[bid.contender].chooseAnew(engines) else { continue }
            }
            heap.insert(Bid(mark: contenders[bid.contender].mark, contender: bid.contender))
        }
        let counts = turns.reduce(into: [Turn: Int]()) { $0[$1, default: 0] += 1 }
        grants = entries.compactMap { entry in
            counts[Turn(entry)].map {
                AdmissionGrant(
                    projectID: entry.projectID, priority: entry.priority, engine: entry.engine, limit: $0,
                    isCapped: entry.allowance != nil, isMetered: entry.isMetered)
            }
        }
    }

    /// The tasks in the order of their turns: what is published first runs first.
    func ordered(_ tasks: [AdmittedTask]) -> [AdmittedTask] {
        var waiting = Dictionary(grouping: tasks.sorted { $0.id.text > $1.id.text }) {
            Turn(projectID: $0.projectID, priority: $0.priority, engine: $0.engine)
        }
        return turns.compactMap { waiting[$0]?.popLast() }
    }

    /// A place in the queue of those who want the next turn.
    private struct Bid: Comparable {
        var mark: Double
        var contender: Int

        static func < (left: Bid, right: Bid) -> Bool { (left.mark, left.contender) < (right.mark, right.contender) }
    }

    /// A project on its way through a plan.
    private struct Contender {
        private let entries: [BacklogEntry]
        private let weight: Int
        private var priorities: FairClock<Int>
        private var allowance: Int
        private var choice: BacklogEntry
        /// Where the project stands, and where it will after its next turn.
        private var base: Double
        var mark: Double { base + Double(max(1, choice.cost)) / Double(max(1, weight)) }

        /// nil where nothing of it may run.
        init?(
            _ entries: [BacklogEntry], _ engines: [String: EngineRoom], project projects: FairClock<UUID>, priorities: FairClock<Int>
        ) {
            guard let choice = Self.choose(entries, priorities, engines) else { return nil }
            self.entries = entries
            self.priorities = priorities
            self.choice = choice
            weight = choice.weight
            allowance = choice.allowance ?? .max
            base = projects.mark(of: choice.projectID)
        }

        func mayTakeTurn(_ engines: [String: EngineRoom]) -> Bool { choice.hasRoom(engines) }

        mutating func takeTurn(_ engines: inout [String: EngineRoom]) -> Turn {
            if let engine = choice.neededEngine { engines[engine]?.take(cost: choice.cost) }
            base = mark
            priorities.charge(choice.priority, cost: choice.cost, weight: TaskPriority.weight(choice.priority))
            allowance -= 1
            return Turn(choice)
        }

        /// False where the project's cap, or its engines, allow no turn more.
        mutating func next(_ engines: [String: EngineRoom]) -> Bool { allowance > 0 && chooseAnew(engines) }

        mutating func chooseAnew(_ engines: [String: EngineRoom]) -> Bool {
            guard let choice = Self.choose(entries, priorities, engines) else { return false }
            self.choice = choice
            return true
        }

        /// The priority whose turn it is: the higher one of equals, which comes first. Among its engines that have room it is the turn of
        /// the one whose first task waits longest.
        private static func choose(
            _ entries: [BacklogEntry], _ priorities: FairClock<Int>, _ engines: [String: EngineRoom]
        ) -> BacklogEntry? {
            var oldest: [BacklogEntry] = []
            for entry in entries where entry.hasRoom(engines) {
                if let last = oldest.last, last.priority == entry.priority {
                    if entry.dueIn < last.dueIn { oldest[oldest.count - 1] = entry }
                } else {
                    oldest.append(entry)
                }
            }
            var best: (entry: BacklogEntry, mark: Double)?
            for entry in oldest {
                let mark = priorities.mark(of: entry.priority, after: entry.cost, weight: TaskPriority.weight(entry.priority))
                if best.map({ mark < $0.mark }) ?? true { best = (entry, mark) }
            }
            return best?.entry
        }
    }
}

extension BacklogEntry {
    /// The one engine that its tasks need has room, if there is such a one.
    fileprivate func hasRoom(_ engines: [String: EngineRoom]) -> Bool {
        guard !engines.isEmpty, let neededEngine else { return true }
        return engines[neededEngine]?.isOpen ?? true
    }
}

extension AdmissionPlan.Turn {
    init(_ entry: BacklogEntry) { self.init(projectID: entry.projectID, priority: entry.priority, engine: entry.engine) }
}
