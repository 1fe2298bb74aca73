import Domain
import Foundation
import Postgres
import Store
import Testing

/// What people do to projects, and how the tasks follow.
@Suite(.timeLimit(.minutes(2))) struct ProjectMoveTests {
    @Test(arguments: ProjectAction.allCases)
    func isForItsStatusesOnly(action: ProjectAction) async throws {
        try await StoreFixture.with { fixture in
            let id = fixture.project.id
            let person = fixture.principal.userID
            for status in ProjectStatus.allCases {
                _ = try await fixture.database.execute("UPDATE projects SET status = \(status.rawValue) WHERE project_id = \(id)")
                if status.next.contains(action.target) {
                    let moved = try await fixture.store.move(project: id, action, by: person, reason: "because")
                    #expect(moved.status == action.target)
                } else {
                    await #expect("\(action) from \(status)") {
                        try await fixture.store.move(project: id, action, by: person)
                    } throws: { error in
                        (error as? Problem)?.status == 409 && (error as? Problem)?.detail?.contains("is \(status.rawValue)") == true
                    }
                }
                await #expect("nothing there") {
                    try await fixture.store.move(project: UUID(), action, by: person)
                } throws: { ($0 as? Problem)?.status == 404 }
            }
            let lines = try await fixture.database.query(
                "SELECT count(*) FROM project_activity_log WHERE metadata ->> 'reason' = 'because' AND user_id = \(person)"
            ) { try $0.decode(Int.self) }
            #expect(lines == [ProjectStatus.allCases.count { $0.next.contains(action.target) }])
        }
    }

    @Test func aPausedProjectsTasksWait() async throws {
        try await StoreFixture.with { fixture in
            let running = try await TaskMoveTests.task(in: .processing, fixture)
            let queued = try await TaskMoveTests.task(in: .inQueue, fixture)
            let late = try await TaskMoveTests.task(in: .inQueue, fixture)
            _ = try await fixture.store.move(project: fixture.project.id, .pause, by: fixture.principal.userID)
            // A message that is faster than the settling: its claim refuses.
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.claim([late], workerID: worker, fleetDefault: "local").isEmpty)
            #expect(try await fixture.status(late) == .pending)
            #expect(try await fixture.store.settle(projectID: fixture.project.id) == 1)
            #expect(try await fixture.status(queued) == .pending)
            #expect(try await fixture.status(running) == .processing, "what runs goes on")
            let last = try await fixture.store.history(taskID: queued, limit: 9, after: nil).elements.last
            #expect(last?.reason == "The project was paused." && last?.changedBy == fixture.principal.userID)
            #expect(try await fixture.store.backlog(from: nil, limit: 9).entries.allSatisfy { !$0.isDue })
            try await fixture.accept([try StoreFixture.newTask()])

            _ = try await fixture.store.move(project: fixture.project.id, .resume, by: fixture.principal.userID)
            #expect(try await fixture.admit().count == 3)
            #expect(try await fixture.store.claim([late], workerID: worker, fleetDefault: "local").count == 1)
        }
    }

    @Test func aCancelledProjectEndsEverythingInBatches() async throws {
        try await StoreFixture.with { fixture in
            var tasks: [TaskStatus: UUID] = [:]
            for status in TaskStatus.allCases { tasks[status] = try await TaskMoveTests.task(in: status, fixture) }
            try await fixture.accept(try (0..<7).map { _ in try StoreFixture.newTask() })
            let blocked = try await TaskMoveTests.task(in: .pending, fixture)
            _ = try await fixture.database.execute("UPDATE tasks SET waiting_on = 1 WHERE task_id = \(blocked)")
            await #expect("it has live tasks") {
                try await fixture.store.move(project: fixture.project.id, .archive, by: fixture.principal.userID)
            } throws: { ($0 as? Problem)?.status == 409 }
            _ = try await fixture.store.move(project: fixture.project.id, .cancel, by: fixture.principal.userID)
            #expect(try await fixture.store.settlingProjects(limit: 10) == [fixture.project.id])
            #expect(try await fixture.store.settle(projectID: fixture.project.id, batch: 3) == 13)
            for (status, task) in tasks {
                #expect(try await fixture.status(task) == (status == .completed || status == .failed ? status : .cancelled))
            }
            #expect(try await fixture.status(blocked) == .cancelled)
            await #expect("no more tasks") { try await fixture.accept([try StoreFixture.newTask()]) } throws: {
                ($0 as? Problem)?.status == 409
            }
            await #expect("a task cannot run again there") {
                try await fixture.store.move(blocked, .retry, by: fixture.principal.userID)
            } throws: { ($0 as? Problem)?.detail?.contains("its project is cancelled") == true }

            // What was under way then is found for a while; after that the project needs no more looks.
            _ = try await fixture.database.execute("UPDATE projects SET updated_at = now() - interval '1 minute'")
            #expect(try await fixture.store.settle(projectID: fixture.project.id) == 0)
            #expect(try await fixture.store.settlingProjects(limit: 10).isEmpty)
            #expect(try await fixture.store.move(project: fixture.project.id, .archive, by: fixture.principal.userID).status == .archived)
        }
    }

    @Test func aMessageOfACancelledProjectEndsItsTask() async throws {
        try await StoreFixture.with { fixture in
            let task = try await TaskMoveTests.task(in: .inQueue, fixture)
            _ = try await fixture.store.move(project: fixture.project.id, .cancel, by: fixture.principal.userID)
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.claim([task], workerID: worker, fleetDefault: "local").isEmpty)
            #expect(try await fixture.status(task) == .cancelled)
        }
    }

    @Test func isChanged() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.createProject(try StoreFixture.newProject("Second"), principal: fixture.principal)
            func change(_ body: JSONValue) async throws -> ProjectRecord {
                let change = try ProjectChange(reading: body, knownEngines: EngineNames(["local", "hosted"]))
                return try await fixture.store.change(project: fixture.project.id, change, by: fixture.principal.userID)
            }
            let changed = try await change([
                "project_name": "New", "priority": 7, "project_description": "d", "settings": ["engines": ["hosted"]], "metadata": ["a": 1],
            ])
            #expect(changed.name == "New" && changed.priority == 7 && changed.settings == ["engines": ["hosted"]])
            let cleared = try await change(["project_description": nil, "metadata": nil])
            #expect(cleared.description == nil && cleared.metadata == nil && cleared.name == "New" && cleared.priority == 7)
            await #expect("a name that is taken") { try await change(["project_name": "Second"]) } throws: {
                ($0 as? Problem)?.status == 409
            }
            await #expect("an engine that is not there") {
                try await change(["settings": ["engines": ["nope"]]])
            } throws: { ($0 as? Problem)?.errors.first?.pointer == "/settings/engines" }
            await #expect("a name that is null") { try await change(["project_name": nil]) } throws: { ($0 as? Problem)?.status == 422 }
            _ = try await fixture.store.move(project: fixture.project.id, .archive, by: fixture.principal.userID)
            await #expect("archived") { try await change(["priority": 2]) } throws: { ($0 as? Problem)?.status == 409 }
        }
    }
}
