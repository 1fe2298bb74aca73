/// What must hold at every moment, whatever crashed: each case names one law, as `chorus verify` prints it.
public enum Law: String, Sendable, Hashable, CaseIterable {
    /// The last line of a task's history says the status that the task has.
    case statusIsExplained = "status-is-explained"
    /// The lines of a history chain: from nothing to `pending`, then each from where the last one led, along legal moves.
    case historyChains = "history-chains"
    /// The times of a history do not run backwards, and none is before the task's acceptance.
    case historyIsInOrder = "history-is-in-order"
    /// `attempt` is the number of claims in the history.
    case attemptsAreCounted = "attempts-are-counted"
    /// One attempt has at most one open call; where engines race or form an ensemble, at most one an engine.
    case oneOpenCall = "one-open-call"
    /// A call is open only while its own attempt runs.
    case openCallsRun = "open-calls-run"
    /// A completed task has exactly one completed call of its last attempt, or several of which exactly one is chosen.
    case completedOnce = "completed-once"
    /// A completed task has its output.
    case completedHasOutput = "completed-has-output"
    /// `waiting_on` is what the task's family says: its unfinished children, an earlier stage of its siblings, its first child.
    case waitingIsExplained = "waiting-is-explained"
    /// A parent did not start before its children had ended.
    case parentsRunLast = "parents-run-last"
    /// A task whose parent has ended has ended too: nobody would ever use what it gives.
    case familiesEndTogether = "families-end-together"
    /// A task that is processing is a live worker's.
    case processingHasWorker = "processing-has-worker"
    /// A task that has been in the queue for long has a message there.
    case queuedHasMessage = "queued-has-message"
    /// A task belongs to a project that exists.
    case taskHasProject = "task-has-project"
    /// History and calls belong to tasks that exist.
    case ledgerHasTask = "ledger-has-task"
    /// What a quota says is used, is what was accepted and charged since it counts, and of that what has gone by retention.
    case quotasAreCounted = "quotas-are-counted"
    /// A project is metered where a quota bounds it, and nowhere else.
    case meteredIsExact = "metered-is-exact"
    /// The figures of a project are what counting its rows gives, and what has gone by retention.
    case countsAreExact = "counts-are-exact"

    /// What the law speaks of: whose ids a violation names.
    public var subject: String {
        switch self {
        case .quotasAreCounted: "quota"
        case .meteredIsExact, .countsAreExact: "project"
        default: "task"
        }
    }

    /// What is wrong with what breaks the law, for a person.
    public var violation: String {
        switch self {
        case .statusIsExplained: "the last line of the history leads to another status than the task has"
        case .historyChains: "the history has a gap, or a move that is not legal"
        case .historyIsInOrder: "the times of the history run backwards"
        case .attemptsAreCounted: "the history has another number of claims than 'attempt' says"
        case .oneOpenCall: "an attempt has more than one open call"
        case .openCallsRun: "a call is still open though its attempt is over"
        case .completedOnce: "the last attempt of a completed task has not exactly one completed call, or one chosen of several"
        case .completedHasOutput: "a completed task has no output"
        case .waitingIsExplained: "the task waits for more or for less than its family says"
        case .parentsRunLast: "a parent started before its children had ended"
        case .familiesEndTogether: "the parent has ended, and the child has not"
        case .processingHasWorker: "a task is processing, and no live worker has it"
        case .queuedHasMessage: "a task waits in the queue, and the broker has no message for it"
        case .taskHasProject: "the task's project does not exist"
        case .ledgerHasTask: "history or calls of a task that does not exist"
        case .quotasAreCounted: "a quota says another usage than its tasks and calls do"
        case .meteredIsExact: "a project is metered without a quota, or has one and is not"
        case .countsAreExact: "the figures of a project are not what counting its tasks, calls and ratings gives"
        }
    }
}
