import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// What operators watch of the whole fleet.
@Suite(.timeLimit(.minutes(1))) struct FleetFiguresTests {
    @Test func followWhatHappens() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.fleetBacklog() == FleetBacklog())
            #expect(try await fixture.store.taskTotals().filter { $0.value != 0 }.isEmpty)
            #expect(try await fixture.store.workersAtWork() == ["alive": 1])
            #expect(try await fixture.store.lastBackupTime() == nil)

            // Two in each of two lanes, and one whose time has not come.
            try await fixture.accept(try [9, 9, 1, 1].map { try StoreFixture.newTask(priority: $0) })
            try await fixture.accept([try StoreFixture.newTask(priority: 1)])
            _ = try await fixture.database.execute(
                """
                UPDATE tasks SET available_at = available_at
                    + CASE WHEN task_id = (SELECT task_id FROM tasks ORDER BY task_id DESC LIMIT 1) THEN interval '1 hour' ELSE interval '-50 seconds' END
                """)
            var backlog = try await fixture.store.fleetBacklog()
            #expect(backlog.lanes[.urgent]?.waiting == 2 && backlog.lanes[.normal]?.waiting == 2 && backlog.lanes.count == 2)
            #expect(backlog.pace == 0)
            let oldest = try #require(backlog.lanes[.normal]?.oldest)
            #expect((50..<80).contains(oldest))
            #expect((50..<80).contains(backlog.seconds(of: .urgent)))

            let admitted = try await fixture.admit(limit: 1)
            let claimed = try await fixture.store.claim([admitted[0].id], workerID: worker, fleetDefault: "local")
            _ = try await fixture.store.settle(
                [
                    Settlement(
                        taskID: claimed[0].id, attempt: 1, outcome: .completed(output: ["text": "hi"]),
                        calls: [.answered(try #require(claimed[0].call), tokens: 7)])
                ], workerID: worker)
            for _ in 0..<2 {
                backlog = try await fixture.store.fleetBacklog()
                let lanes = backlog.lanes
                #expect(lanes.values.reduce(0) { $0 + $1.waiting } == 4 - admitted.count)
                #expect(lanes.values.reduce(0) { $0 + $1.inQueue } == admitted.count - 1)
                #expect(backlog.pace > 0 && backlog.pace <= 0.1)
                let totals = try await fixture.store.taskTotals()
                #expect(totals[.completed] == 1 && totals[.pending] == 5 - admitted.count)
                // The same when folded.
                _ = try await fixture.store.foldCounts(limit: 1_000)
            }
        }
    }

    @Test func whatMayNotRunAsksForNoWorkers() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.accept(try (0..<5).map { _ in try StoreFixture.newTask() })
            _ = try await fixture.database.execute(#"UPDATE projects SET settings = '{"max_concurrency": 2}'"#)
            let capped = try #require(try await fixture.store.fleetBacklog().lanes[.normal])
            #expect(capped.waiting == 5 && capped.runnable == 2)
            _ = try await fixture.database.execute("UPDATE projects SET status = 'paused'")
            #expect(try await fixture.store.fleetBacklog() == FleetBacklog())
        }
    }
}
