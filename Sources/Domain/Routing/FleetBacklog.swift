/// What waits in the whole fleet, by lane, and how long that will take: pure.
public struct FleetBacklog: Sendable, Hashable {
    public struct InLane: Sendable, Hashable {
        /// Tasks in the database that could run now, of projects that run.
        public var waiting = 0
        /// Those of them that their project's `max_concurrency` would let run beside each other: more workers do nothing for the rest.
        public var runnable = 0
        public var inQueue = 0
        public var processing = 0
        /// For how many seconds the oldest that waits, in the database or in a queue, could have run; nil where none waits.
        public var oldest: Double?

        public init() {}
    }

    public var lanes: [Lane: InLane]
    /// Tasks a second that workers ended lately; 0 where none was.
    public var pace: Double

    public init(lanes: [Lane: InLane] = [:], pace: Double = 0) {
        self.lanes = lanes
        self.pace = pace
    }

    /// How many seconds the fleet needs, at its pace, for what waits in the lane and in those before it.
    ///
    /// Where no task was ended lately there is no pace: then it is for how long the oldest has waited already, which grows until a worker
    /// does something about it, and stays small where a single task has just come to an idle fleet.
    public func seconds(of lane: Lane) -> Double {
        let before = lanes.filter { $0.key >= lane }.values
        let tasks = before.reduce(0) { $0 + $1.runnable + $1.inQueue }
        guard tasks > 0 else { return 0 }
        return pace > 0 ? Double(tasks) / pace : before.lazy.compactMap(\.oldest).max() ?? 0
    }
}
