import Domain

/// The projects that share a run, each with something of its own.
enum ChaosProject: String, Sendable, CaseIterable {
    case plain, heavy, capped, held, failing, moody

    /// What it is made with.
    var body: JSONValue {
        var body: JSONObject = ["project_name": .string(rawValue)]
        var settings = JSONObject()
        switch self {
        case .plain: break
        case .heavy: body["priority"] = 5
        case .capped: settings["max_concurrency"] = .number(JSONNumber(Self.cap))
        case .held: settings["on_unknown"] = "hold"
        case .failing: settings["on_unknown"] = "fail"
        // The one that people pause and resume.
        case .moody: body["priority"] = 2
        }
        if !settings.isEmpty { body["settings"] = .object(settings) }
        return .object(body)
    }

    /// What `capped` may have in the queues and with the workers.
    static let cap = 3
}
