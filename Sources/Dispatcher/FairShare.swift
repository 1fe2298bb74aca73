import Domain
import FoundationEssentials
import Store

/// Who runs next, between projects and inside each of them: pure.
///
/// Projects share by `projects.priority` in estimated tokens. What a project already has in the queues and with the workers is counted when
/// it joins those who wait: who has less in flight than its share catches up first. Inside a project the priorities of its tasks share by
/// `TaskPriority.weight`; tasks of one priority go by age, save those whose engine is closed or used up: they take no turn, and hold back
/// none of another engine. So the priority of a task is a matter of its project alone: marking all tasks
/// as urgent takes nothing from anybody else.
///
/// A newcomer that has less in flight than its share need not wait until those who have more leave it room: it catches up beyond the depth
/// that the queues should have, at most as far again. The order of turns is the same; they only come sooner.
///
/// **Nothing waits without bound.** With W the weights of all projects that wait and w the project's own, and likewise P (at most
/// `TaskPriority.sumOfWeights`) and p for the priorities that wait in the project: a task is admitted before more than `(C × P/p + E) ×
/// W/w` tokens were, and what projects that joined meanwhile had to catch up on. C is the cost of the project's older tasks of its
/// priority, itself and those of the plan before included; E is what cannot be cut finer: one task for each other project and priority,
/// and two plans.
///
/// The state is a matter of turns, not of truth: a gateway that starts anew, or beside another, shares as fairly from its first plan on.
struct FairShare: Sendable {
    private var projects = FairClock<UUID>()
    private var priorities: [UUID: FairClock<Int>] = [:]
    /// The projects seen in this pass through the backlog.
    private var seen: Set<UUID> = []
    /// Something in this pass waits for its engine.
    private var passIsHeld = false

    /// Projects compete of which one is a newcomer: what they have in flight is worth a look.
    func wantsTokensInFlight(for entries: [BacklogEntry]) -> Bool {
        let waiting = Set(entries.lazy.filter(\.mayRun).map(\.projectID))
        return waiting.count > 1 && waiting.contains { !projects.isWaiting($0) }
    }

    /// What one look at the backlog found.
    /// - Parameters:
    ///   - tokensInFlight: nil where it was not asked for: newcomers then start beside the others.
    ///   - endsPass: with this look, all of the backlog was seen.
    mutating func meet(_ entries: [BacklogEntry], tokensInFlight: [UUID: Int]?, endsPass: Bool) {
        for (project, _, entries) in entries.byProject {
            let due = entries.filter(\.isDue).map(\.priority)
            seen.insert(project)
            priorities[project, default: FairClock()].meet(due)
            priorities[project]?.endPass(isHeld: entries.contains(where: \.isHeld))
        }
        let competitors = entries.byProject.filter { $0.entries.contains(where: \.mayRun) }
        let weights = competitors.reduce(0) { $0 + $1.weight }
        let tokens = tokensInFlight ?? [:]
        // In flight for each unit of weight: the mean, and the project's own.
        let level = Double(competitors.reduce(0) { $0 + tokens[$1.project, default: 0] }) / Double(max(1, weights))
        let weight = Dictionary(competitors.map { ($0.project, $0.weight) }, uniquingKeysWith: { first, _ in first })
        projects.meet(competitors.map(\.project)) { project in
            Double(tokens[project, default: 0]) / Double(max(1, weight[project, default: 1])) - level
        }
        if entries.contains(where: \.isHeld) { passIsHeld = true }
        guard endsPass else { return }
        projects.endPass(isHeld: passIsHeld)
        passIsHeld = false
        priorities = priorities.filter { seen.contains($0.key) }
        seen.removeAll(keepingCapacity: true)
    }

    /// The project has been waiting since before this pass: a look at the backlog on its account tells nothing new.
    func isWaiting(_ project: UUID) -> Bool { projects.isWaiting(project) }

    /// Who gets `room` places, in the order of their turns, and up to `overdraft` places more those who have less in flight than their
    /// share. Nothing is charged yet: what was granted may be gone.
    func plan(_ entries: [BacklogEntry], room: Int, overdraft: Int = 0, engines: [String: EngineRoom] = [:]) -> AdmissionPlan {
        AdmissionPlan(entries, room: room, overdraft: overdraft, engines: engines, projects: projects, priorities: priorities)
    }

    /// Counts what was admitted, at its true cost.
    mutating func charge(_ admitted: [AdmittedTask], weights: [UUID: Int]) {
        for task in admitted {
            projects.charge(task.projectID, cost: task.estimatedTokens, weight: weights[task.projectID] ?? ProjectPriority.standard)
            priorities[task.projectID]?.charge(task.priority, cost: task.estimatedTokens, weight: TaskPriority.weight(task.priority))
        }
    }
}

extension [BacklogEntry] {
    /// The entries project by project.
    var byProject: [(project: UUID, weight: Int, entries: ArraySlice<BacklogEntry>)] {
        var groups: [(project: UUID, weight: Int, entries: ArraySlice<BacklogEntry>)] = []
        var rest = self[...]
        while let first = rest.first {
            let entries = rest.prefix { $0.projectID == first.projectID }
            groups.append((first.projectID, first.weight, entries))
            rest = rest.dropFirst(entries.count)
        }
        return groups
    }
}
