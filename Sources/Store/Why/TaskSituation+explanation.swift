public import Domain
import FoundationEssentials

extension TaskSituation {
    /// The one reason that the task is not running: what would still hold it if all that is named further below were settled.
    public var explanation: TaskExplanation {
        ended ?? held ?? early ?? atItsEngine ?? withoutHands ?? inItsTurn
    }

    private func say(
        _ reason: TaskExplanation.Reason, _ detail: String, until: Date? = nil, _ facts: JSONObject = JSONObject()
    ) -> TaskExplanation {
        TaskExplanation(taskID: taskID, status: status, reason: reason, detail: detail, until: until, facts: facts)
    }

    private func after(_ duration: Duration) -> Date { moment.addingTimeInterval(duration.seconds) }

    private func number(_ count: Int) -> String { count > Self.countLimit ? "at least \(Self.countLimit)" : "\(count)" }

    private var ended: TaskExplanation? {
        switch status {
        case .completed: return say(.completed, "It is completed.")
        case .failed: return say(.failed, errorMessage.map { "It has failed: \($0)" } ?? "It has failed.")
        case .cancelled: return say(.cancelled, "It was cancelled\(by).")
        case .processing:
            var facts: JSONObject = ["since": JSONValue(startedAt), "attempt": .number(JSONNumber(attempt))]
            guard let worker else { return say(.running, "It runs.", facts) }
            facts["worker_id"] = .string(worker.id.text)
            facts["worker"] = .string(worker.name)
            return say(.running, "It runs with the worker \(worker.name) on \(worker.host).", facts)
        case .pending, .inQueue, .retrying, .paused: return nil
        }
    }

    /// By whom, and why, its last move was made.
    private var by: String {
        let who = lastMove.flatMap { $0.person ?? ($0.by == nil ? nil : "Chorus") }.map { " by \($0)" } ?? ""
        return who + (lastMove?.reason.map { " (\($0))" } ?? "")
    }

    private var held: TaskExplanation? {
        if status == .paused, isOverBudget { return overBudget }
        if status == .paused {
            return say(.paused, "It was paused\(by).", ["since": JSONValue(lastMove?.at), "by": JSONValue(lastMove?.by?.text)])
        }
        switch projectStatus {
        case .paused: return say(.projectPaused, "Its project is paused.")
        case .cancelled: return say(.projectCancelled, "Its project was cancelled.")
        case .archived: return say(.projectArchived, "Its project is archived.")
        case .active: break
        }
        guard waitingOn > 0 else { return nil }
        if unfinishedChildren > 0 {
            return say(
                .waitingForChildren, "It waits for \(number(unfinishedChildren)) of its children.",
                ["children": .number(JSONNumber(min(unfinishedChildren, Self.countLimit)))])
        }
        if waitsForFirstChild { return say(.waitingForChildren, "It waits for its first child.", ["children": 0]) }
        return say(.waitingForStage, "It waits for its siblings of an earlier stage.")
    }

    private var early: TaskExplanation? {
        guard entry.dueIn > .zero, status != .inQueue else { return nil }
        let until = after(entry.dueIn)
        guard status == .retrying else { return say(.notBefore, "Its time has not come.", until: until) }
        return say(
            .backoff, "Its next try comes later, after: \(errorMessage ?? "a failure")", until: until,
            ["attempt": .number(JSONNumber(attempt))])
    }

    private var atItsEngine: TaskExplanation? {
        guard let engine else { return nil }
        let room = EngineRoom(engine)
        switch room.cause {
        case .closed(let reason, let message), .probing(let reason, let message):
            let words = message.isEmpty ? "" : " (\(message))"
            return say(
                .engineClosed, "Its engine '\(engine.engine)' is closed: it \(reason.words)\(words).",
                until: room.opensIn > EngineRoom.pause ? after(room.opensIn) : nil,
                ["engine": .string(engine.engine), "engine_reason": .string(reason.rawValue)])
        case .requests, .tokens, .concurrency, nil: return nil
        }
    }

    /// Nobody is there to run it.
    private var withoutHands: TaskExplanation? {
        if workersAlive == 0 { return say(.noWorker, "No worker is alive.") }
        if !takesBrokerMessages { return say(.brokerAway, "The broker is away: tasks wait until it is back.") }
        return nil
    }

    private var inItsTurn: TaskExplanation {
        if status == .inQueue {
            return say(.inQueue, "It is in the queue, for the next worker that has a slot.", ["since": JSONValue(lastMove?.at)])
        }
        if let cap, !entry.mayRun {
            return say(
                .projectCap, "Its project has \(cap) tasks in flight, as many as it may.", ["max_concurrency": .number(JSONNumber(cap))])
        }
        if case .waits(let quota)? = budget {
            return say(.budget, "\(words(of: quota)): it waits until tasks that run have used less than they may.", facts(of: quota))
        }
        if case .exceeds = budget { return overBudget }
        if let engine, !EngineRoom(engine).isOpen { return atTheLimits(of: engine) }
        if ahead > 0 {
            return say(
                .behindOthers, "\(number(ahead)) older tasks of its project and priority come first.",
                ["ahead": .number(JSONNumber(min(ahead, Self.countLimit)))])
        }
        return say(.next, "It is the next of its project and priority: it takes its turn with those of others.")
    }

    private var overBudget: TaskExplanation {
        guard case .exceeds(let quota)? = budget else { return say(.budget, "Its budget has room again: it goes on in a moment.") }
        return say(
            .budget, "\(words(of: quota)): it goes on when the month is over, or the limit is raised.", until: quota.resetsAt,
            facts(of: quota))
    }

    private func words(of quota: Quota) -> String {
        let whose = quota.projectID == nil ? "account's quota" : "project's budget"
        return "It may use more than is left of its \(whose) of \(quota.limit) (\(quota.type.rawValue))"
    }

    private func facts(of quota: Quota) -> JSONObject {
        [
            "quota_type": .string(quota.type.rawValue), "monthly_limit": .number(JSONNumber(quota.limit)),
            "current_usage": .number(JSONNumber(quota.used)), "reserved": .number(JSONNumber(quota.reserved)),
        ]
    }

    private func atTheLimits(of engine: EngineFigures) -> TaskExplanation {
        let room = EngineRoom(engine)
        let limit: String =
            switch room.cause {
            case .requests: "\(engine.requestsPerMinute ?? 0) requests a minute"
            case .tokens: "\(engine.tokensPerMinute ?? 0) tokens a minute"
            default: "\(engine.concurrency ?? 0) calls at once"
            }
        return say(
            .engineLimit, "The limit of its engine '\(engine.engine)' is used up: \(limit).",
            until: room.opensIn > EngineRoom.pause ? after(room.opensIn) : nil, ["engine": .string(engine.engine)])
    }
}
