import FoundationEssentials
import Store

/// Projects whose next tasks wait for others to end, because their budget has no room for them meanwhile: they are not due for a moment.
struct BudgetWaits: Sendable {
    /// How soon such a project is looked at again.
    static let pause = Duration.milliseconds(50)

    private var until: [UUID: ContinuousClock.Instant] = [:]

    /// These had to wait when they were looked at last.
    mutating func note(_ projects: Set<UUID>, at now: ContinuousClock.Instant) {
        until = until.filter { $0.value > now }
        for project in projects { until[project] = now + Self.pause }
    }

    /// The entries with what their projects' budgets allow.
    func judged(_ entries: [BacklogEntry], at now: ContinuousClock.Instant) -> [BacklogEntry] {
        guard !until.isEmpty else { return entries }
        return entries.map { entry in
            guard entry.isMetered, let end = until[entry.projectID], end > now else { return entry }
            var entry = entry
            entry.isHeld = entry.isHeld || entry.isDue
            entry.dueIn = max(entry.dueIn, end - now)
            return entry
        }
    }
}
