import Domain
import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

/// Fan-out and fan-in with real processes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FamilyEndToEndTests {
    private static func chat(_ prompt: String, order: Int = 0, children: [JSONValue]? = nil) -> JSONValue {
        var task: JSONObject = [
            "task_type": "chat", "input_data": ["prompt": .string(prompt)], "execution_order": .number(JSONNumber(order)),
        ]
        if let children { task["children"] = .array(children) }
        return .object(task)
    }

    private static func submit(_ task: JSONValue, to project: String, _ system: DevSystem) async throws -> String {
        let (status, answer) = try await system.request(.post, "/v1/projects/\(project)/tasks", body: task.serialized())
        guard status == 201, let id = answer["task_id"]?.stringValue else { throw DevSystem.Unexpected(status: status, answer: answer) }
        return id
    }

    /// Three levels: each parent's engine is asked with the answers of its children, and a worker is killed in the middle.
    @Test func answersFlowUpward() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "8", "--engine-latency", "300ms"]) { system in
            let project = try await system.makeProject("Family")
            let section = "{{#children}}[{{number}} {{output.text}}]{{/children}} of {{completed_count}}"
            let middles = (0..<3).map { middle in
                Self.chat("M\(middle): \(section)", order: middle / 2, children: (0..<10).map { Self.chat("L\(middle).\($0)") })
            }
            let top = try await Self.submit(Self.chat("T: \(section)", children: middles), to: project, system)
            try await eventually("leaves run") {
                try await system.count("SELECT count(*) FROM tasks WHERE status = 'processing'") >= 4
            }
            kill(try #require(try system.pids("CHORUS_WORKER_PIDS").first), SIGKILL)
            try await system.waitForCompleted(34, within: .seconds(60))
            // The engine echoes the first 60 characters of what it was sent.
            let task = try await system.request(.get, "/v1/tasks/\(top)").1
            let text = task["output_data"]?["text"]?.stringValue ?? ""
            #expect(text.hasPrefix("Simulated answer to: T: [1 Simulated answer to: M0: [1 Simulated"), "\(text)")
            #expect(task["input_data"]?["prompt"]?.stringValue == "T: \(section)", "what was accepted stays as it was")
            #expect(try await system.count("SELECT count(*) FROM tasks WHERE waiting_on > 0") == 0)
            try await LeaseTests.verify(system)
        }
    }

    /// How long it takes from the end of the last child to the parent's claim: no tick in between.
    @Test func aFanInTakesNoTick() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "8", "--engine-latency", "10ms"]) { system in
            let project = try await system.makeProject("Fan-in")
            // Ten stages, one after the other, then their parent: ten releases.
            for _ in 0..<5 {
                let stages = (0..<10).map { Self.chat("stage \($0)", order: $0) }
                _ = try await Self.submit(["task_type": "group", "children": .array(stages)], to: project, system)
                try await eventually("the family has ended", within: .seconds(30), every: .milliseconds(5)) {
                    try await system.count("SELECT count(*) FROM tasks WHERE status <> 'completed'") == 0
                }
            }
            let measured: [Double] = try await system.database.query(
                """
                SELECT extract(epoch FROM later.started_at - earlier.completed_at)::float8 * 1000
                FROM tasks later JOIN tasks earlier ON earlier.parent_task_id = later.parent_task_id
                    AND earlier.execution_order = later.execution_order - 1
                UNION ALL
                SELECT extract(epoch FROM p.started_at - c.completed_at)::float8 * 1000
                FROM tasks p JOIN tasks c ON c.parent_task_id = p.task_id AND c.execution_order = 9
                """
            ) { try $0.decode(Double.self) }
            let gaps = measured.sorted()
            #expect(gaps.count == 50)
            print("from a stage's end to the next claim: median \(gaps[25]) ms, slowest \(gaps[49]) ms")
            // A tick is a second; a machine that builds at the same time gets much of one.
            #expect(gaps[25] < 300)
        }
    }
}
