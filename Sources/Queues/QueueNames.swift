public import Domain
public import FoundationEssentials

/// The names by which Chorus's exchanges and queues are known outside.
public enum QueueNames {
    /// What all of them begin with.
    public static let prefix = "chorus."
    /// The topic exchange that services publish projects and tasks to, and the queue behind it.
    public static let intake = "chorus.intake"
    /// What was refused there.
    public static let intakeRejected = "chorus.intake.rejected"
    /// The topic exchange that services hear from.
    public static let events = "chorus.events"
    public static let taskExchange = "chorus.tasks"
    public static let projectExchange = "chorus.projects"

    /// `chorus.tasks.<partition>.<lane>`
    public static func tasks(_ queue: TaskQueue) -> String { "\(taskExchange).\(routingKey(queue))" }

    /// `<partition>.<lane>` on the task exchange.
    public static func routingKey(_ queue: TaskQueue) -> String { "\(queue.partition).\(queue.lane.rawValue)" }

    /// `chorus.projects.<partition>`
    public static func projects(partition: Int) -> String { "\(projectExchange).\(partition)" }
}

/// One of the queues that tasks wait in.
public struct TaskQueue: Sendable, Hashable {
    public var partition: Int
    public var lane: Lane

    public init(partition: Int, lane: Lane) {
        self.partition = partition
        self.lane = lane
    }

    /// The queue of a project's tasks of one priority.
    public init(projectID: UUID, priority: Int, partitioning: Partitioning) {
        self.init(partition: partitioning.partition(of: projectID), lane: Lane(priority: priority))
    }
}

extension Partitioning {
    /// Every task queue: partitions times lanes.
    public var taskQueues: [TaskQueue] {
        indices.flatMap { partition in Lane.allCases.map { TaskQueue(partition: partition, lane: $0) } }
    }
}
