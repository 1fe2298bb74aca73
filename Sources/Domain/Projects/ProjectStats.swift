/// The figures of a project, all of one moment.
public struct ProjectStats: Sendable, Hashable {
    /// Over how many minutes rates are told.
    public static let windows = [1, 5, 15]

    /// What the calls to one engine brought and cost.
    public struct Engine: Sendable, Hashable {
        /// Calls that have ended, by status.
        public var calls: [ResultStatus: Int] = [:]
        public var tokens = 0
        /// Millionths of a USD.
        public var cost = 0
        /// Milliseconds, of all calls that have ended.
        public var duration = 0
        public var ratings = 0
        public var ratingSum = 0

        public init() {}

        /// Milliseconds a call; nil where none has ended.
        var meanDuration: Double? { Self.mean(duration, calls.values.reduce(0, +)) }
        /// 1 to 5; nil where nobody gave any.
        var meanRating: Double? { Self.mean(ratingSum, ratings) }

        /// To two decimals.
        private static func mean(_ sum: Int, _ count: Int) -> Double? {
            count > 0 ? (Double(sum) / Double(count) * 100).rounded() / 100 : nil
        }
    }

    /// Those that have gone by retention are counted in.
    public var tasks: [TaskStatus: Int] = [:]
    /// Tasks that have gone by retention.
    public var pruned = 0
    public var engines: [String: Engine] = [:]
    /// Tasks that ended in that way, by the number of minutes before the one that runs.
    public var minutes: [TaskStatus: [Int: Int]] = [:]

    public init() {}

    /// Tasks a minute that ended in that way, over the last `window` minutes that are over.
    public func rate(_ status: TaskStatus, over window: Int) -> Double {
        let sum = (minutes[status] ?? [:]).filter { (1...window).contains($0.key) }.values.reduce(0, +)
        return (Double(sum) / Double(window) * 100).rounded() / 100
    }

    /// Every status is named, also those that no task has.
    public var json: JSONObject {
        var byStatus = JSONObject()
        for status in TaskStatus.allCases { byStatus[status.rawValue] = .number(JSONNumber(tasks[status] ?? 0)) }
        var rates = JSONObject()
        for status in [TaskStatus.completed, .failed] {
            var byWindow = JSONObject()
            for window in Self.windows { byWindow["\(window)m"] = JSONValue(rate(status, over: window)) }
            rates[status.rawValue] = .object(byWindow)
        }
        return [
            "tasks": .object(byStatus),
            "total": .number(JSONNumber(tasks.values.reduce(0, +))),
            "pruned": .number(JSONNumber(pruned)),
            "per_minute": .object(rates),
            "total_tokens": .number(JSONNumber(engines.values.reduce(0) { $0 + $1.tokens })),
            "cost_micro_usd": .number(JSONNumber(engines.values.reduce(0) { $0 + $1.cost })),
            "engines": .array(engines.sorted { $0.key < $1.key }.map { $1.json(name: $0) }),
        ]
    }
}

extension ProjectStats.Engine {
    fileprivate func json(name: String) -> JSONValue {
        var byStatus = JSONObject()
        for status in ResultStatus.allCases where status != .pending { byStatus[status.rawValue] = .number(JSONNumber(calls[status] ?? 0)) }
        return [
            "engine": .string(name), "calls": .object(byStatus), "total_tokens": .number(JSONNumber(tokens)),
            "cost_micro_usd": .number(JSONNumber(cost)), "mean_processing_time": JSONValue(meanDuration),
            "ratings": .number(JSONNumber(ratings)), "mean_rating": JSONValue(meanRating),
        ]
    }
}
