import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Postgres
import TestSupport
import Testing

/// What people and deadlines do to tasks of a system that runs.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LifeTests {
    @Test func aCancelledCallEndsAtOnce() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "10ms"]) { system in
            let project = try await system.makeProject("Cancel")
            let task = try #require(try await system.submit(1, to: project, input: ["prompt": "think [simulate: latency=30s]"]).first)
            try await eventually("the engine is called") { try await Self.callsInFlight(system) == 1 }
            let (status, answer) = try await system.request(.post, "/v1/tasks/\(task)/cancel")
            #expect(status == 200 && answer["status"] == "cancelled")
            // Its next heartbeat would tell the worker up to 5 s later.
            try await eventually("the engine's connection ends", within: .seconds(4), every: .milliseconds(10)) {
                try await Self.callsInFlight(system) == 0
            }
            #expect(try await Self.result(of: task, system)?["status"] == "cancelled")
            try await eventually("the worker adds what it took") {
                let result = try await Self.result(of: task, system)
                return result?["status"] == "cancelled" && result?["processing_time"]?.intValue ?? 0 > 0
            }
            let (_, history) = try await system.request(.get, "/v1/tasks/\(task)/history")
            #expect(
                history["data"]?.arrayValue?.map { $0["status_to"]?.stringValue } == ["pending", "in_queue", "processing", "cancelled"])
            // The slot is free again, and the task may be tried again.
            _ = try await system.submit(3, to: project)
            try await system.waitForCompleted(3, within: .seconds(20))
        }
    }

    @Test func aPausedProjectStopsAndGoesOn() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "8", "--engine-latency", "50ms"]) { system in
            let paused = try await system.makeProject("Paused")
            let other = try await system.makeProject("Other")
            _ = try await system.submit(600, to: paused)
            _ = try await system.submit(300, to: other)
            try await eventually("both run") {
                try await system.count("SELECT count(DISTINCT project_id) FROM tasks WHERE status = 'completed'") == 2
            }
            #expect(try await system.request(.post, "/v1/projects/\(paused)/pause").0 == 200)
            try await eventually("what ran has ended") { try await Self.live(paused, system) == 0 }
            let completed = try await Self.completed(paused, system)
            #expect(completed < 600)
            try await eventually("the other project is done", within: .seconds(60)) { try await Self.completed(other, system) == 300 }
            #expect(try await Self.completed(paused, system) == completed, "nothing of it has run")
            #expect(try await Self.live(paused, system) == 0)
            #expect(try await system.request(.post, "/v1/projects/\(paused)/resume").0 == 200)
            try await system.waitForCompleted(900, within: .seconds(60))
            #expect(try await system.count("SELECT count(*) FROM results WHERE status <> 'completed'") == 0)
            #expect(try await system.count("SELECT count(*) FROM results") == 900)
        }
    }

    @Test func aCancelledProjectIsQuiet() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "8", "--engine-latency", "20s"]) { system in
            let project = try await system.makeProject("Cancelled")
            _ = try await system.submit(1_000, to: project)
            _ = try await system.submit(1_000, to: project)
            try await eventually("the engine is busy") { try await Self.callsInFlight(system) == 16 }
            #expect(try await system.request(.post, "/v1/projects/\(project)/cancel").0 == 200)
            try await eventually("every task is cancelled") {
                try await system.count("SELECT count(*) FROM tasks WHERE status = 'cancelled'") == 2_000
            }
            try await eventually("the connections end", within: .seconds(4)) { try await Self.callsInFlight(system) == 0 }
            try await eventually("the calls are recorded") {
                try await system.count("SELECT count(*) FROM results WHERE status = 'cancelled' AND processing_time > 0") == 16
            }
        }
    }

    @Test func deadlinesAreKept() async throws {
        try await DevSystem.with(["--workers", "1", "--worker-concurrency", "1", "--engine-latency", "10ms"]) { system in
            let project = try await system.makeProject("Deadlines")
            func submit(_ prompt: String, deadline: TimeInterval) async throws -> String {
                let body: JSONValue = [
                    "task_type": "chat", "input_data": ["prompt": .string(prompt)],
                    "deadline": JSONValue(Date(timeIntervalSinceNow: deadline)),
                ]
                let (status, task) = try await system.request(.post, "/v1/projects/\(project)/tasks", body: body.serialized())
                guard status == 201, let id = task["task_id"]?.stringValue else { throw DevSystem.Unexpected(status: status, answer: task) }
                return id
            }
            let running = try await submit("[simulate: latency=30s]", deadline: 4)
            try await eventually("it runs") { try await Self.callsInFlight(system) == 1 }
            let waiting = try await submit("too late", deadline: 1)
            for (id, words) in [(waiting, "The deadline passed before it ran."), (running, "The deadline passed while it ran")] {
                try await eventually("\(words)", within: .seconds(15)) {
                    try await system.request(.get, "/v1/tasks/\(id)").1["status"] == "failed"
                }
                let task = try await system.request(.get, "/v1/tasks/\(id)").1
                #expect(task["error_message"]?.stringValue?.hasPrefix(words) == true, "\(task)")
                #expect(task["retry_count"] == 0)
            }
            let retrying = try await submit("[simulate: status=429;retry-after=60]", deadline: 20)
            try await eventually("a retry that would be too late fails at once") {
                try await system.request(.get, "/v1/tasks/\(retrying)").1["status"] == "failed"
            }
        }
    }

    private static func completed(_ project: String, _ system: DevSystem) async throws -> Int {
        try await system.count("SELECT count(*) FROM tasks WHERE project_id = \(project)::uuid AND status = 'completed'")
    }

    private static func live(_ project: String, _ system: DevSystem) async throws -> Int {
        try await system.count("SELECT count(*) FROM tasks WHERE project_id = \(project)::uuid AND status IN ('in_queue', 'processing')")
    }

    private static func result(of task: String, _ system: DevSystem) async throws -> JSONValue? {
        try await system.request(.get, "/v1/tasks/\(task)/results").1["data"]?[0]
    }

    private static func callsInFlight(_ system: DevSystem) async throws -> Int {
        let url = try DevSystem.variables(system.folder)["CHORUS_ENGINE_URL"] ?? ""
        let authority = url.replacingOccurrences(of: "http://", with: "").replacingOccurrences(of: "/v1", with: "")
        let request = HTTPRequest(method: .get, scheme: "http", authority: authority, path: "/stats")
        let (bytes, _) = try await system.session.data(for: request)
        return try JSONValue(parsing: bytes)["in_flight"]?.intValue ?? -1
    }
}
