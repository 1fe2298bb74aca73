/// A band of task priorities with queues of its own: what is urgent does not stand behind what is not.
public enum Lane: String, Sendable, Hashable, CaseIterable, Comparable {
    case low, normal, high, urgent

    /// The lane of a task's priority: 0 low · 1–3 normal · 4–6 high · 7–9 urgent. Lower than 0 counts as 0, higher than 9 as 9.
    public init(priority: Int) {
        switch priority {
        case ...0: self = .low
        case 1...3: self = .normal
        case 4...6: self = .high
        default: self = .urgent
        }
    }

    /// The priorities of this lane.
    public var priorities: ClosedRange<Int> {
        switch self {
        case .low: 0...0
        case .normal: 1...3
        case .high: 4...6
        case .urgent: 7...9
        }
    }

    public static func < (left: Lane, right: Lane) -> Bool { left.priorities.lowerBound < right.priorities.lowerBound }
}

/// What a task's `priority` may be: higher is sooner.
public enum TaskPriority {
    public static let range = 0...9
    public static let standard = 1

    /// What a priority's tasks weigh against those of the other priorities of their project: twice as much every two steps.
    ///
    /// Weights, and no strict order, so that a stream of urgent tasks slows the others down and never stops them: what waits at the
    /// lowest priority beside all nine others still gets one part in `sumOfWeights`.
    public static func weight(_ priority: Int) -> Int { weights[min(max(priority, range.lowerBound), range.upperBound)] }

    /// What all priorities weigh together.
    public static let sumOfWeights = weights.reduce(0, +)

    private static let weights = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
}
