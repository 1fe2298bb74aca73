import Domain
import Foundation
import Postgres
import Store
import Testing

/// What operators see of the whole fleet.
@Suite(.timeLimit(.minutes(1))) struct OverviewTests {
    @Test func tellsWhatTheFleetDoes() async throws {
        try await StoreFixture.with { fixture in
            let empty = try await fixture.store.overview()
            #expect(empty.projects.isEmpty && empty.wait == nil && empty.engines.map(\.engine.name) == ["local", "hosted"])

            let worker = try await fixture.makeWorker()
            let idle = try await fixture.store.createProject(try StoreFixture.newProject("Idle"), principal: fixture.principal)
            let waiting = try await fixture.store.createProject(try StoreFixture.newProject("Waiting"), principal: fixture.principal)
            try await fixture.accept(try (0..<6).map { try StoreFixture.newTask(priority: $0 < 3 ? 9 : 1) })
            let admitted = try await fixture.admit(limit: 2)
            let urgent = admitted.filter { $0.priority == 9 }.map(\.id)
            let claimed = try await fixture.store.claim(urgent, workerID: worker, fleetDefault: "local")
            let calls = try claimed.map { try #require($0.call) }
            _ = try await fixture.store.settle(
                [
                    Settlement(
                        taskID: claimed[0].id, attempt: 1, outcome: .completed(output: ["text": "hi"]),
                        calls: [.answered(calls[0], tokens: 30)]),
                    Settlement(
                        taskID: claimed[1].id, attempt: 1, outcome: .failed(message: "no"), calls: [.answered(calls[1], .failed, tokens: 3)]
                    ),
                ], workerID: worker)
            _ = try await fixture.submit(4, to: waiting.id).get()
            _ = try await fixture.store.foldCounts(limit: 3)

            let overview = try await fixture.store.overview()
            #expect(overview.tasks.filter { $0.value != 0 } == [.pending: 6, .inQueue: 2, .completed: 1, .failed: 1])
            #expect(overview.lanes[.normal]?.inQueue == 2 && overview.lanes[.normal]?.processing == 0)
            #expect(overview.lanes[.normal]?.oldest.map { (0...60).contains($0) } == true)
            #expect(overview.projects.map(\.id) == [fixture.project.id, waiting.id])
            #expect(overview.projects[0].tasks[.completed] == 1 && overview.projects[1].tasks[.pending] == 4)
            #expect(!overview.projects.contains { $0.id == idle.id })
            let local = try #require(overview.engines.first { $0.engine.name == "local" })
            #expect(local.load.callsPerMinute == 2 && local.load.tokensPerMinute == 33 && local.load.failed == 0.5)
            #expect(local.load.duration?.median == 1 && local.load.duration?.high == 1)
            #expect(local.figures.inQueue == 2)
            #expect(try #require(overview.wait).median >= 0)
            #expect(overview.workers.map(\.id) == [worker])

            // What ended in the last minute that is over.
            _ = try await fixture.database.execute(
                """
                INSERT INTO project_count_changes (project_id, subject, status, engine, made_at, number)
                VALUES (\(idle.id), 'task', 'completed', '', now() - interval '1 minute', 9)
                """)
            _ = try await fixture.store.foldCounts(limit: 1_000)
            let later = try await fixture.store.overview()
            // A minute may begin before the two statements, whose tasks are those of above then, or between them.
            #expect((9...11).contains(later.perMinute) && later.projects.first?.id == idle.id || later.perMinute <= 2)
            let json = later.json
            #expect(json["lanes"]?.arrayValue?.map { $0["lane"]?.stringValue } == ["low", "normal", "high", "urgent"])
            #expect(json["engines"]?[0]?["gate"]?["state"] == "open")
        }
    }
}
