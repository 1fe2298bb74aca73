import CoreMetrics

/// What the dispatcher counts.
struct DispatcherMetrics: Sendable {
    private let accepted = Counter(label: "chorus_tasks_accepted_total")
    private let batch = Recorder(label: "chorus_acceptance_batch_tasks")
    private let time = CoreMetrics.Timer(label: "chorus_acceptance_seconds")
    private let admittedDirectly = Counter(label: "chorus_tasks_admitted_total", dimensions: [("path", "direct")])
    private let admittedFromBacklog = Counter(label: "chorus_tasks_admitted_total", dimensions: [("path", "backlog")])

    /// One statement stored that many of the tasks that it was given, and admitted some at once.
    func accepted(_ stored: Int, of tasks: Int, admitted: Int, after duration: Duration) {
        accepted.increment(by: stored)
        batch.record(tasks)
        time.recordNanoseconds(Int64(duration / .nanoseconds(1)))
        admittedDirectly.increment(by: admitted)
    }

    func admittedFromBacklog(_ tasks: Int) { admittedFromBacklog.increment(by: tasks) }
}
