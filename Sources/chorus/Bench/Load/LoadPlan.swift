import Domain

/// How much is handed in, in what portions, by how many, how fast.
struct LoadPlan: Sendable, Hashable {
    var tasks: Int
    /// Tasks of one request: 1 sends an object, more send an array.
    var batch = 1
    /// Sends tasks as lines (`application/x-ndjson`) instead.
    var isLines = false
    /// Connections, each with one request under way.
    var callers = 1
    /// Requests a second over all connections; 0: as fast as answers come.
    var rate = 0.0

    /// One request: how many tasks it holds, and when it is due, in seconds from the start.
    struct Call: Sendable, Hashable {
        var tasks: Int
        var due: Double
    }

    var calls: Int { (tasks + batch - 1) / batch }

    /// The request with that number; nil behind the last one.
    func call(_ number: Int) -> Call? {
        let first = number * batch
        guard first < tasks else { return nil }
        return Call(tasks: min(batch, tasks - first), due: rate > 0 ? Double(number) / rate : 0)
    }

    var contentType: String { isLines ? "application/x-ndjson" : "application/json" }

    /// The body of a request with that many tasks.
    func body(tasks: Int) -> [UInt8] {
        if isLines { return repeatElement(Self.task.serialized() + [UInt8(ascii: "\n")], count: tasks).reduce(into: []) { $0 += $1 } }
        return (batch == 1 ? Self.task : .array(Array(repeating: Self.task, count: tasks))).serialized()
    }

    /// About 1 KiB, as a usual short prompt is.
    private static let task: JSONValue = [
        "task_type": "chat",
        "input_data": [
            "max_tokens": 64,
            "messages": [
                ["role": "system", "content": "You are a helpful assistant."],
                ["role": "user", "content": .string(String(repeating: "Summarise this paragraph for a busy reader. ", count: 18))],
            ],
        ],
    ]
}
