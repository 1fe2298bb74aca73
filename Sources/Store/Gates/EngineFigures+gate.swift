public import Domain
public import FoundationEssentials

extension EngineFigures {
    /// The gate as people see it. `used` is the share of each limit that is given away: of the next second's slots, and of the places.
    public func gate(at now: Date) -> JSONValue {
        var object: JSONObject = ["state": .string(closed.map { $0.closedFor > 0 ? "closed" : "probing" } ?? "open")]
        object["closed_until"] = JSONValue(closed.map { now.addingTimeInterval(max(0, $0.closedFor)) })
        object["reason"] = JSONValue(closed?.reason.rawValue)
        object["message"] = JSONValue(closed?.message)
        var used = JSONObject()
        if requestsPerMinute != nil { used["requests_per_minute"] = Self.share(schedule.requestsUntil / SlotSchedule.horizon) }
        if tokensPerMinute != nil { used["tokens_per_minute"] = Self.share(schedule.tokensUntil / SlotSchedule.horizon) }
        if let concurrency { used["concurrency"] = Self.share(Double(places) / Double(max(1, concurrency))) }
        object["used"] = .object(used)
        return .object(object)
    }

    private static func share(_ share: Double) -> JSONValue {
        let hundredths = Int((min(max(share, 0), 1) * 100).rounded())
        return JSONValue(Double(hundredths) / 100)
    }
}
