import FoundationEssentials
import HeapModule

/// What a worker has taken from its queues and cannot begin yet, and which of it is next: pure.
///
/// The next free slot goes to the project that has the fewest tasks here, and of equals to who came first: a newcomer's tasks need not wait
/// until those have begun that a busy project has ahead. How much each project gets altogether was decided when its tasks were admitted.
/// What has waited for `patience` goes before all others, so that nobody waits without bound.
struct LookAhead<Element: Sendable>: Sendable {
    private struct Entry {
        var element: Element
        /// The order of arrival.
        var number: UInt64
        var arrival: ContinuousClock.Instant
    }

    private let patience: Duration
    /// Each project's, the first that came first; never an empty array.
    private var projects: [UUID: ArraySlice<Entry>] = [:]
    private var lastNumber: UInt64 = 0
    private(set) var count = 0

    init(patience: Duration) { self.patience = patience }

    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element, project: UUID, at now: ContinuousClock.Instant) {
        lastNumber += 1
        count += 1
        projects[project, default: []].append(Entry(element: element, number: lastNumber, arrival: now))
    }

    /// Takes out the next `limit`.
    /// - Parameter running: how many tasks of a project run here.
    mutating func next(_ limit: Int, now: ContinuousClock.Instant, running: (UUID) -> Int) -> [Element] {
        guard limit < count else { return removeAll() }
        if projects.count == 1, let project = projects.keys.first {
            return (0..<limit).compactMap { _ in popFirst(of: project)?.element }
        }
        var bids = Heap(projects.map { bid($0, $1, running: running($0), now: now) })
        var elements: [Element] = []
        while elements.count < limit, let best = bids.popMin(), let entry = popFirst(of: best.project) {
            elements.append(entry.element)
            guard let rest = projects[best.project] else { continue }
            bids.insert(bid(best.project, rest, running: best.running + 1, now: now))
        }
        return elements
    }

    /// Takes out everything, in the order of arrival.
    mutating func removeAll() -> [Element] {
        defer {
            projects.removeAll()
            count = 0
        }
        guard projects.count > 1 else { return projects.values.first?.map(\.element) ?? [] }
        return projects.values.joined().sorted { $0.number < $1.number }.map(\.element)
    }

    private mutating func popFirst(of project: UUID) -> Entry? {
        guard let entry = projects[project]?.popFirst() else { return nil }
        count -= 1
        if projects[project]?.isEmpty ?? false { projects[project] = nil }
        return entry
    }

    private func bid(_ project: UUID, _ entries: ArraySlice<Entry>, running: Int, now: ContinuousClock.Instant) -> Bid {
        let first = entries.first
        return Bid(
            isOverdue: first.map { now - $0.arrival >= patience } ?? false, running: running, number: first?.number ?? 0, project: project)
    }

    /// A project's wish for the next slot; the lowest gets it.
    private struct Bid: Comparable {
        var isOverdue: Bool
        var running: Int
        /// When its first one came.
        var number: UInt64
        var project: UUID

        static func < (left: Bid, right: Bid) -> Bool {
            if left.isOverdue != right.isOverdue { return left.isOverdue }
            if !left.isOverdue, left.running != right.running { return left.running < right.running }
            return left.number < right.number
        }

        static func == (left: Bid, right: Bid) -> Bool { left.number == right.number }
    }
}
