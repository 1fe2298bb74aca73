public import Domain
public import FoundationEssentials

/// What a gate is, as people see it.
public enum GateState: String, Sendable, CaseIterable {
    case open, closed
    /// It may be tried: a probe decides whether it opens.
    case probing
}

extension EngineFigures {
    public var gateState: GateState { closed.map { $0.closedFor > 0 ? .closed : .probing } ?? .open }

    /// The share of each limit that is given away, 0 to 1, by the limit's name: of the next second's slots, and of the places.
    public var usedShares: [String: Double] {
        var used: [String: Double] = [:]
        if requestsPerMinute != nil { used["requests_per_minute"] = schedule.requestsUntil / SlotSchedule.horizon }
        if tokensPerMinute != nil { used["tokens_per_minute"] = schedule.tokensUntil / SlotSchedule.horizon }
        if let concurrency { used["concurrency"] = Double(places) / Double(max(1, concurrency)) }
        return used.mapValues { min(max($0, 0), 1) }
    }

    /// The gate as people see it.
    public func gate(at now: Date) -> JSONValue {
        var object: JSONObject = ["state": .string(gateState.rawValue)]
        object["closed_until"] = JSONValue(closed.map { now.addingTimeInterval(max(0, $0.closedFor)) })
        object["reason"] = JSONValue(closed?.reason.rawValue)
        object["message"] = JSONValue(closed?.message)
        var used = JSONObject()
        let shares = usedShares
        for limit in ["requests_per_minute", "tokens_per_minute", "concurrency"] {
            used[limit] = shares[limit].map { JSONValue(($0 * 100).rounded() / 100) }
        }
        object["used"] = .object(used)
        return .object(object)
    }
}
