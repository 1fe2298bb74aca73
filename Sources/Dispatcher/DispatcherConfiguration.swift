public import Domain

/// How a dispatcher paces itself.
public struct DispatcherConfiguration: Sendable {
    public var partitioning = Partitioning.standard
    /// How many admitted tasks may wait for a worker: the range in which the target moves with the workers' pace.
    public var queueDepth = 8...512
    /// How often an idle dispatcher looks for what no poke told it of.
    public var tick = Duration.seconds(1)
    /// How long it waits for room: at first, and at the most while there is none. The sooner it looks again, the fewer tasks stand in the
    /// queues before a newcomer's.
    public var heldBackWait = Duration.milliseconds(4)...Duration.milliseconds(100)
    /// How long it waits at first where workers take so much that another look so soon would cost more than it gives; and how soon, at
    /// most, new tasks make it look again where workers take nothing.
    public var busyWait = Duration.milliseconds(10)
    /// How many tasks the workers take between two looks where they take much.
    public var busyPace = 32
    /// How old what is known of the projects' tasks in flight may be.
    public var inFlightAge = Duration.milliseconds(25)
    /// How long the broker may take to confirm a batch: locks are held meanwhile.
    public var confirmTimeout = Duration.seconds(5)
    /// How many tasks one transaction admits.
    public var batchSize = 500
    /// How many pairs of a project and a priority one round looks at, at least 11; where more wait, pages take turns.
    public var backlogPage = 1_000
    /// How long a worker that does not renew is taken for alive.
    public var lease = Duration.seconds(15)
    /// How long a worker's session must be gone before the worker is taken for dead.
    public var lossConfirmation = Duration.milliseconds(400)
    /// How long a message may be under way before the broker is asked whether it still has it.
    public var messageAge = Duration.seconds(5)
    /// How long a message may be under way before its task waits anew, whatever the broker says.
    public var messageLimit = Duration.seconds(60)

    public init() {}
}
