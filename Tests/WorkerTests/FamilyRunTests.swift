import Domain
import Engines
import Foundation
import Logging
import NIOURLSession
import Postgres
import Store
import TestSupport
import Testing

@testable import Worker

/// What a worker does with a parent, over a real database and without an engine.
@Suite(.timeLimit(.minutes(2))) struct FamilyRunTests {
    private static func parent(_ prompt: String, children: Int) -> JSONValue {
        [
            "task_type": "chat", "input_data": ["prompt": .string(prompt), "temperature": 0.5],
            "children": .array(Array(repeating: ["task_type": "chat", "input_data": ["prompt": "hi"]], count: children)),
        ]
    }

    @Test func rendersItsChildrensOutputs() async throws {
        try await RunnerSystem.with { system in
            let claim = try await system.claimedParent(
                Self.parent("Sum up:{{#children}} <{{output.text}}>{{/children}}", children: 3),
                outputs: ["one", "{{#children}}{{output.text}}{{/children}}", "{{{"])
            #expect(claim.childCount == 3)
            let input = try await system.runner.input(of: claim)
            #expect(input["prompt"] == "Sum up: <one> <{{#children}}{{output.text}}{{/children}}> <{{{>")
            #expect(input["temperature"] == 0.5)
        }
    }

    @Test func rendersMessages() async throws {
        try await RunnerSystem.with { system in
            let messages: JSONValue = [
                ["role": "system", "content": "{{completed_count}} answers"],
                ["role": "user", "content": [["type": "text", "text": "{{x"]]],
            ]
            let claim = try await system.claimedParent(
                [
                    "task_type": "chat", "input_data": ["messages": messages],
                    "children": [["task_type": "chat", "input_data": ["prompt": "hi"]]],
                ], outputs: ["one"])
            let input = try await system.runner.input(of: claim)
            #expect(input["messages"]?[0]?["content"] == "1 answers")
            #expect(input["messages"]?[1]?["content"]?[0]?["text"] == "{{x", "parts are passed on as they are")
        }
    }

    @Test func aGroupCompletesWithoutACall() async throws {
        try await RunnerSystem.with { system in
            let claim = try await system.claimedParent(
                ["task_type": "group", "children": [["task_type": "chat", "input_data": ["prompt": "hi"]]]], outputs: ["one"])
            #expect(claim.call == nil)
            let settlement = await system.runner.run(claim, workerID: system.worker)
            guard case .completed(let output) = settlement.outcome else { return #expect(Bool(false), "\(settlement)") }
            #expect(output == ["children": ["completed": 1, "failed": 0, "cancelled": 0]])
            #expect(try await system.store.settle([settlement], workerID: system.worker) == [claim.id])
        }
    }

    /// A text that grows out of bounds, children that gave too much, a text that is no template: all end the task for good, in time.
    @Test(arguments: ["growth", "outputs", "syntax"])
    func hostileFamiliesFailForGood(kind: String) async throws {
        try await RunnerSystem.with { system in
            let text = kind == "syntax" ? "fine" : String(repeating: "{{#children}}{{output.text}}{{/children}}", count: 300)
            let size = kind == "outputs" ? TemplateLimits.contextBytes : 100_000
            let claim = try await system.claimedParent(Self.parent(text, children: 1), outputs: [String(repeating: "x", count: size)])
            var broken = claim
            if kind == "syntax" { broken.input["prompt"] = "{{#children}}{{>partial}}" }
            let start = ContinuousClock.now
            let settlement = await system.runner.run(broken, workerID: system.worker)
            #expect(ContinuousClock.now - start < .seconds(10))
            guard case .failed(let message) = settlement.outcome else { return #expect(Bool(false), "\(settlement.outcome)") }
            #expect(message.hasPrefix("The text could not be rendered with its children: "), "\(message)")
            #expect(settlement.calls.map(\.status) == [.failed])
            #expect(try await system.store.settle([settlement], workerID: system.worker) == [claim.id])
        }
    }
}

extension RunnerSystem {
    /// Accepts a parent whose children complete with `outputs`, and claims it.
    fileprivate func claimedParent(_ parent: JSONValue, outputs: [String]) async throws -> ClaimedTask {
        let task = try NewTask(reading: parent, knownEngines: EngineNames(["local"]))
        for outcome in await store.accept([Submission(projectID: project, userID: user, tasks: [task])]) { _ = try outcome.get() }
        for (child, text) in zip(task.children ?? [], outputs) {
            let claim = try #require(try await claim(child.id))
            _ = try await store.settle(
                [Settlement(taskID: child.id, attempt: claim.attempt, outcome: .completed(output: ["text": .string(text)]), calls: [])],
                workerID: worker)
        }
        return try #require(try await claim(task.id))
    }

    private func claim(_ id: UUID) async throws -> ClaimedTask? {
        _ = try await store.admit(["", "*"].map { AdmissionGrant(projectID: project, priority: 1, engine: $0, limit: 100) })
        return try await store.claim([id], workerID: worker, fleetDefault: "local").first
    }
}
