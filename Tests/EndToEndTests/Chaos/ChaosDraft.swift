import Domain
import Foundation

@testable import Operations

/// One request that hands in tasks: what it says, drawn from dice. Each task carries the request's name and its own place in it, by which it
/// is known again.
struct ChaosDraft: Sendable {
    /// Characters of a prompt that the engine repeats: all of them.
    static let echoLimit = 1_000_000

    let name: String
    let project: ChaosProject
    /// An array, or its only task alone.
    let isArray: Bool
    let tasks: [JSONValue]
    /// All of its tasks, those inside others included.
    let taskCount: Int
    /// The places of the tasks that the answer names, in the answer's order: those of an array, or a whole family.
    let namedPlaces: [Int]

    init(name: String, dice: inout SplitMix64) {
        self.name = name
        project = ChaosProject.allCases.randomElement(using: &dice) ?? .plain
        isArray = Bool.random(using: &dice)
        var dealer = ChaosDealer(request: name, dice: dice)
        var roots: [Int] = []
        var tasks: [JSONValue] = []
        for _ in 0..<(isArray ? Int.random(in: 1...6, using: &dealer.dice) : 1) {
            roots.append(dealer.count)
            tasks.append(dealer.dice.unit() < (isArray ? 0.1 : 0.3) ? dealer.family() : dealer.task())
        }
        self.tasks = tasks
        taskCount = dealer.count
        namedPlaces = isArray ? roots : Array(0..<dealer.count)
        dice = dealer.dice
    }

    var body: JSONValue { isArray ? .array(tasks) : tasks[0] }

    /// What the engine makes of a prompt: the echo of ``SimulatedCompletion``.
    static func answer(to prompt: String) -> String { "Simulated answer to: \(prompt.prefix(echoLimit))" }

    /// The ids in the answer to a request, in the order of ``namedPlaces``.
    static func ids(in answer: JSONValue) -> [UUID] {
        if let ids = answer["task_ids"]?.arrayValue { return ids.compactMap { $0.stringValue.flatMap(UUID.init(uuidString:)) } }
        let own = (answer["task_id"]?.stringValue).flatMap(UUID.init(uuidString:))
        return [own].compactMap(\.self) + (answer["children"]?.arrayValue ?? []).flatMap(ids)
    }
}
