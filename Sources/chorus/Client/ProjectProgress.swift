import Domain

/// How far the tasks of one project are.
struct ProjectProgress: Sendable, Hashable {
    var name: String
    var id: String
    private var counts: [TaskStatus: Int] = [:]

    /// Reads the answer of `GET /v1/projects/{id}/stats`.
    init(name: String, id: String, stats: JSONValue) {
        self.name = name
        self.id = id
        for status in TaskStatus.allCases { counts[status] = stats["tasks"]?[status.rawValue]?.intValue ?? 0 }
    }

    func count(_ status: TaskStatus) -> Int { counts[status] ?? 0 }

    var total: Int { counts.values.reduce(0, +) }
    var ended: Int { count(.completed) + count(.failed) + count(.cancelled) }
    /// Tasks that will go on by themselves.
    var waiting: Int { total - ended - count(.paused) }

    /// The statuses that tasks are in, such as `12 completed, 3 processing`.
    var summary: String {
        let order: [TaskStatus] = [.completed, .processing, .inQueue, .pending, .retrying, .paused, .failed, .cancelled]
        return order.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
    }
}
