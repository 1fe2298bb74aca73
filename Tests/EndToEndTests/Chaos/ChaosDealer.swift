import Domain
import Foundation

@testable import Operations

/// Deals the tasks of one request from dice: single ones, and families of up to three levels. Each gets the next place, a parent before its
/// children.
struct ChaosDealer {
    /// Levels of a family, the children of one parent, and its stages.
    private static let (levels, children, stages) = (3, 1...4, 0...2)

    let request: String
    var dice: SplitMix64
    /// The tasks dealt so far.
    private(set) var count = 0

    init(request: String, dice: SplitMix64) {
        self.request = request
        self.dice = dice
    }

    /// A task by itself.
    mutating func task() -> JSONValue {
        // Some calls last, so that faults find them under way.
        let order = dice.unit() < 0.15 ? " [simulate: latency=\(Int.random(in: 1...4, using: &dice))s]" : ""
        return .object(chat(order))
    }

    /// A parent with all below it.
    mutating func family() -> JSONValue { parent(level: 1) }

    private mutating func parent(level: Int) -> JSONValue {
        // With a latency of its own: its text repeats the answers of its children, and with them what those were told to take.
        let order = " [simulate: latency=\(Int.random(in: 50...1_000, using: &dice))ms] \(ChaosFamily.section)"
        var parent = dice.unit() < 0.3 ? group() : chat(order)
        if dice.unit() < 0.5 { parent["on_child_failure"] = "continue" }
        let isStaged = Bool.random(using: &dice)
        var children: [JSONValue] = []
        // A group may be told that it gets none.
        let isChildless = parent["task_type"] == "group" && dice.unit() < 0.1
        for _ in 0..<(isChildless ? 0 : Int.random(in: Self.children, using: &dice)) {
            let child = level < Self.levels && dice.unit() < 0.25 ? self.parent(level: level + 1) : leaf()
            var object = child.objectValue ?? [:]
            if isStaged { object["execution_order"] = .number(JSONNumber(Int.random(in: Self.stages, using: &dice))) }
            children.append(.object(object))
        }
        parent["children"] = .array(children)
        return .object(parent)
    }

    /// A child without children: some fail, and no retry mends it.
    private mutating func leaf() -> JSONValue {
        let luck = dice.unit()
        if luck < 0.08 { return .object(chat(" \(ChaosFamily.refusal)")) }
        return .object(chat(luck < 0.2 ? " [simulate: latency=\(Int.random(in: 1...3, using: &dice))s]" : ""))
    }

    private mutating func chat(_ order: String) -> JSONObject {
        var task = common("chat")
        task["input_data"] = ["prompt": .string("chaos \(request) \(count - 1)\(order)")]
        if dice.unit() < 0.7 { task["max_retries"] = .number(JSONNumber(Int.random(in: 0...6, using: &dice))) }
        if dice.unit() < 0.1 {
            task["available_at"] = .string(RFC3339.text(Date(timeIntervalSinceNow: Double.random(in: 1...6, using: &dice))))
        }
        if dice.unit() < 0.1 { task["deadline"] = .string(RFC3339.text(Date(timeIntervalSinceNow: 86_400))) }
        return task
    }

    private mutating func group() -> JSONObject { common("group") }

    private mutating func common(_ type: String) -> JSONObject {
        defer { count += 1 }
        return [
            "task_type": .string(type), "metadata": ["request": .string(request), "place": .number(JSONNumber(count))],
            "priority": .number(JSONNumber(Int.random(in: 0...9, using: &dice))),
        ]
    }
}
