import Domain
import Foundation

@testable import Operations

/// One request that hands in tasks: what it says, drawn from dice. Each task carries the request's name and its own place in it, by which it
/// is known again.
struct ChaosDraft: Sendable {
    let name: String
    let project: ChaosProject
    /// An array, or its only task alone.
    let isArray: Bool
    let tasks: [JSONValue]

    init(name: String, dice: inout SplitMix64) {
        self.name = name
        project = ChaosProject.allCases.randomElement(using: &dice) ?? .plain
        isArray = Bool.random(using: &dice)
        var tasks: [JSONValue] = []
        for place in 0..<(isArray ? Int.random(in: 1...6, using: &dice) : 1) {
            tasks.append(Self.task(name: name, place: place, dice: &dice))
        }
        self.tasks = tasks
    }

    var body: JSONValue { isArray ? .array(tasks) : tasks[0] }

    private static func task(name: String, place: Int, dice: inout SplitMix64) -> JSONValue {
        var prompt = "chaos \(name) \(place)"
        // Some calls last, so that faults find them under way.
        if dice.unit() < 0.15 { prompt += " [simulate: latency=\(Int.random(in: 1...4, using: &dice))s]" }
        var task: JSONObject = [
            "task_type": "chat", "input_data": ["prompt": .string(prompt)],
            "metadata": ["request": .string(name), "place": .number(JSONNumber(place))],
            "priority": .number(JSONNumber(Int.random(in: 0...9, using: &dice))),
        ]
        if dice.unit() < 0.7 { task["max_retries"] = .number(JSONNumber(Int.random(in: 0...6, using: &dice))) }
        if dice.unit() < 0.1 {
            task["available_at"] = .string(RFC3339.text(Date(timeIntervalSinceNow: Double.random(in: 1...6, using: &dice))))
        }
        if dice.unit() < 0.1 { task["deadline"] = .string(RFC3339.text(Date(timeIntervalSinceNow: 86_400))) }
        return .object(task)
    }

    /// What the engine makes of a prompt: the echo of ``SimulatedCompletion``.
    static func answer(to prompt: String) -> String { "Simulated answer to: \(prompt.prefix(60))" }
}
