import Domain
import FoundationEssentials
import HeapModule
import Store

/// Who is admitted next, turn by turn.
///
/// A turn's task is known by the first one of its project and priority: where the others cost more or less, or there are none, the next
/// plan makes it good. The cost of making a plan is that of its turns, and of the projects to choose from.
struct AdmissionPlan: Sendable {
    struct Turn: Sendable, Hashable {
        var projectID: UUID
        var priority: Int
    }

    private(set) var turns: [Turn] = []
    /// The turns, counted.
    private(set) var grants: [AdmissionGrant] = []

    /// - Parameter overdraft: how many turns more there may be, for projects that do not catch up with them on what is in flight.
    init(_ entries: [BacklogEntry], room: Int, overdraft: Int, projects: FairClock<UUID>, priorities: [UUID: FairClock<Int>]) {
        guard room + overdraft > 0 else { return }
        var contenders = entries.byProject.compactMap { project, _, entries in
            Contender(entries.filter(\.mayRun), project: projects, priorities: priorities[project] ?? FairClock())
        }
        var heap = Heap(contenders.indices.map { Bid(mark: contenders[$0].mark, contender: $0) })
        while turns.count < room + overdraft, let bid = heap.popMin() {
            if turns.count >= room, bid.mark > projects.now { break }
            turns.append(contenders[bid.contender].takeTurn())
            if let mark = contenders[bid.contender].next() { heap.insert(Bid(mark: mark, contender: bid.contender)) }
        }
        let counts = turns.reduce(into: [Turn: Int]()) { $0[$1, default: 0] += 1 }
        grants = entries.compactMap { entry in
            counts[Turn(projectID: entry.projectID, priority: entry.priority)].map {
                AdmissionGrant(projectID: entry.projectID, priority: entry.priority, limit: $0, isCapped: entry.allowance != nil)
            }
        }
    }

    /// The tasks in the order of their turns: what is published first runs first.
    func ordered(_ tasks: [AdmittedTask]) -> [AdmittedTask] {
        var waiting = Dictionary(grouping: tasks.sorted { $0.id.text > $1.id.text }) {
            Turn(projectID: $0.projectID, priority: $0.priority)
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
        /// Where the project will stand after its next turn.
        private(set) var mark: Double

        /// nil where nothing of it may run.
        init?(_ entries: [BacklogEntry], project projects: FairClock<UUID>, priorities: FairClock<Int>) {
            guard let choice = Self.choose(entries, priorities) else { return nil }
            self.entries = entries
            self.priorities = priorities
            self.choice = choice
            weight = choice.weight
            allowance = choice.allowance ?? .max
            mark = projects.mark(of: choice.projectID, after: choice.cost, weight: weight)
        }

        mutating func takeTurn() -> Turn {
            priorities.charge(choice.priority, cost: choice.cost, weight: TaskPriority.weight(choice.priority))
            allowance -= 1
            return Turn(projectID: choice.projectID, priority: choice.priority)
        }

        /// Where the project will stand after one turn more; nil where its cap allows none.
        mutating func next() -> Double? {
            guard allowance > 0, let choice = Self.choose(entries, priorities) else { return nil }
            self.choice = choice
            mark += Double(max(1, choice.cost)) / Double(max(1, weight))
            return mark
        }

        /// The priority whose turn it is: the higher one of equals, which comes first.
        private static func choose(_ entries: [BacklogEntry], _ priorities: FairClock<Int>) -> BacklogEntry? {
            var best: (entry: BacklogEntry, mark: Double)?
            for entry in entries {
                let mark = priorities.mark(of: entry.priority, after: entry.cost, weight: TaskPriority.weight(entry.priority))
                if best.map({ mark < $0.mark }) ?? true { best = (entry, mark) }
            }
            return best?.entry
        }
    }
}
