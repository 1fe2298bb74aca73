/// Weighted fair sharing between flows: each stands at the mark of what it was served, divided by its weight, and the next turn is that of
/// the flow whose mark would be the lowest after its next task.
///
/// This is deficit round robin without a quantum to choose (self-clocked fair queueing; Golestani, INFOCOM 1994): a flow's deficit is how
/// far its mark lies behind the others', and costs that turn out other than planned are made good in the next turns. While the same flows
/// wait, what they were served differs from their weights by one plan's worth each, however long that is.
struct FairClock<Flow: Hashable & Sendable>: Sendable {
    /// Where the last of those who wait stands: newcomers start here, so that nobody saves up turns while it has nothing to do.
    private(set) var now = 0.0
    private var marks: [Flow: Double] = [:]
    /// Who has been waiting since the pass before, and who was met in this one.
    private var waiting: Set<Flow> = []
    private var met: Set<Flow> = []

    /// The flow has been waiting since before this pass.
    func isWaiting(_ flow: Flow) -> Bool { waiting.contains(flow) }

    /// Flows that have something to do now. A newcomer starts at `now` plus its handicap, or where its last task left it if that is later.
    mutating func meet(_ flows: [Flow], handicap: (Flow) -> Double = { _ in 0 }) {
        if let last = waiting.compactMap({ marks[$0] }).min() { now = max(now, last) }
        for flow in flows where !waiting.contains(flow) {
            marks[flow] = max(marks[flow] ?? -.infinity, now + handicap(flow))
            waiting.insert(flow)
        }
        met.formUnion(flows)
    }

    /// All flows were met that have something to do. Of the others only those are remembered that are ahead of the rest.
    /// - Parameter isHeld: there are flows that have something to do, and cannot for the moment: nobody may forget what it was served.
    mutating func endPass(isHeld: Bool = false) {
        waiting.formIntersection(met)
        met.removeAll(keepingCapacity: true)
        guard !waiting.isEmpty || isHeld else {
            marks.removeAll()
            now = 0
            return
        }
        marks = marks.filter { waiting.contains($0.key) || $0.value > now }
    }

    /// Where the flow stands.
    func mark(of flow: Flow) -> Double { marks[flow] ?? now }

    /// Where the flow will stand after a task of that cost.
    func mark(of flow: Flow, after cost: Int, weight: Int) -> Double {
        mark(of: flow) + Double(max(1, cost)) / Double(max(1, weight))
    }

    mutating func charge(_ flow: Flow, cost: Int, weight: Int) {
        marks[flow] = mark(of: flow, after: cost, weight: weight)
    }
}
