import Domain
import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Operations

/// `chorus verify` as a user sees it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct VerifyCommandTests {
    @Test func namesWhatBreaksALaw() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let gateway = try await fleet.startGateway()
            let worker = try await fleet.start(["worker"])
            let project = try await fleet.makeProject("Verified")
            let (_, answer) = try await fleet.submit(3, to: project)
            let tasks = (answer["task_ids"]?.arrayValue ?? []).compactMap(\.stringValue)
            try #require(tasks.count == 3)
            try await eventually("all are completed", within: .seconds(30)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 3
            }
            let (holding, words) = try await fleet.verify()
            #expect(holding == .exited(0) && words == "3 tasks, 18 laws hold\n", "\(words)")

            // The second task's call is said to have failed.
            _ = try await Fleet.withDatabase(fleet.environment["CHORUS_DATABASE_URL"] ?? "") { database in
                try await database.execute("UPDATE results SET status = 'failed' WHERE task_id = \(tasks[1])::uuid")
            }
            let (broken, complaint) = try await fleet.verify()
            #expect(broken == .exited(1))
            #expect(
                complaint == """
                    completed-once: the last attempt of a completed task has not exactly one completed call, or one chosen of several (1 task)
                      \(tasks[1])
                    3 tasks, 17 of 18 laws hold

                    """, "\(complaint)")
            await worker.terminate(grace: .seconds(30))
            await gateway.terminate(grace: .seconds(30))
        }
    }
}
