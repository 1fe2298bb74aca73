import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// Tasks that are admitted by the statement that accepts them.
@Suite(.timeLimit(.minutes(2))) struct DirectAdmissionTests {
    private static func accept(
        _ tasks: [NewTask], _ project: UUID, room: Int, _ fixture: StoreFixture
    ) async throws -> Acceptance {
        let outcomes = await fixture.store.accept(
            [Submission(projectID: project, userID: fixture.principal.userID, tasks: tasks)], admitting: room)
        return try #require(try outcomes.first?.get())
    }

    @Test func admitsTheFirstAndTellsBothMoves() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<5).map { try StoreFixture.newTask(priority: $0) }
            let acceptance = try await Self.accept(tasks, fixture.project.id, room: 3, fixture)
            #expect(acceptance.admitted.map(\.id) == tasks.prefix(3).map(\.id))
            #expect(acceptance.admitted.map(\.priority) == [0, 1, 2])
            for task in tasks.prefix(3) {
                #expect(try await fixture.status(task.id) == .inQueue)
                let history = try await fixture.store.history(taskID: task.id, limit: 10, after: nil).elements
                #expect(history.map(\.to) == [.pending, .inQueue])
                #expect(history.map(\.from) == [nil, .pending])
                #expect(history.map(\.changedBy) == [fixture.principal.userID, nil])
            }
            for task in tasks.suffix(2) { #expect(try await fixture.status(task.id) == .pending) }
            #expect(try await fixture.admit().map(\.id).sorted { $0.text < $1.text } == tasks.suffix(2).map(\.id))
        }
    }

    /// A gateway that starts accepts nothing first: no row, and nothing counted.
    @Test func aRehearsalLeavesNothing() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.rehearseAcceptance()
            for table in ["tasks", "task_history", "idempotency_keys", "project_count_changes", "event_log"] {
                let rows = try await fixture.database.query("SELECT count(*) FROM \(unescaped: table)") { try $0[0, as: Int.self] }
                #expect(rows == [0], "\(table)")
            }
        }
    }

    /// What waits for something else, or what only the dispatcher may count, takes the ordinary way.
    @Test func leavesTheRestToTheDispatcher() async throws {
        try await StoreFixture.with { fixture in
            var delayed = try StoreFixture.newTask()
            delayed.availableAt = Date(timeIntervalSinceNow: 60)
            let family = try NewTask(
                reading: [
                    "task_type": "chat", "input_data": ["prompt": "hi"],
                    "children": [["task_type": "chat", "input_data": ["prompt": "ho"]]],
                ], knownEngines: EngineNames(["local"]))
            let plain = try StoreFixture.newTask()
            let acceptance = try await Self.accept([delayed, family, plain], fixture.project.id, room: 9, fixture)
            #expect(acceptance.admitted.map(\.id) == [plain.id])

            let capped = try await fixture.store.createProject(
                try StoreFixture.newProject("Capped", settings: ["max_concurrency": 2]), principal: fixture.principal)
            #expect(try await Self.accept([try StoreFixture.newTask()], capped.id, room: 9, fixture).admitted.isEmpty)
            let paused = try await fixture.store.createProject(try StoreFixture.newProject("Paused"), principal: fixture.principal)
            _ = try await fixture.database.execute("UPDATE projects SET status = 'paused' WHERE project_id = \(paused.id)")
            #expect(try await Self.accept([try StoreFixture.newTask()], paused.id, room: 9, fixture).admitted.isEmpty)
            for project in [capped.id, paused.id] {
                #expect(try await fixture.store.taskCounts(projectID: project).map(\.status) == [.pending])
            }
        }
    }

    /// Tasks of engines that have limits or are closed take the ordinary way, whoever chose the engine; those of others do not.
    @Test func heldEnginesAreLeftToTheDispatcher() async throws {
        try await StoreFixture.with { fixture in
            let held = HeldEngines(names: ["local"], fleetDefault: "local")
            let inputs: [JSONValue] = [
                ["prompt": "hi"], ["prompt": "hi", "engine": "local"], ["prompt": "hi", "engine": "hosted"],
                ["prompt": "hi", "engines": ["local", "hosted"]],
            ]
            for (settings, expected) in [
                ([:], ["hosted", "*"]), (["engines": ["hosted"]], ["", "hosted", "*"]),
                (["engines": ["local", "hosted"]], ["", "hosted", "*"]),
            ] as [(JSONValue, [String])] {
                let project = try await fixture.store.createProject(
                    try StoreFixture.newProject("\(settings)", settings: settings), principal: fixture.principal)
                let tasks = try inputs.map { try StoreFixture.newTask(input: $0) }
                let outcomes = await fixture.store.accept(
                    [Submission(projectID: project.id, userID: fixture.principal.userID, tasks: tasks)], admitting: 9, held: held)
                let admitted = try #require(try outcomes.first?.get()).admitted
                #expect(admitted.map(\.engine) == expected, "\(settings)")
                for task in tasks {
                    let isAdmitted = admitted.contains { $0.id == task.id }
                    #expect(try await fixture.status(task.id) == (isAdmitted ? .inQueue : .pending))
                }
            }
        }
    }

    @Test func whatWasAdmittedIsClaimedOrTakenBack() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<2).map { _ in try StoreFixture.newTask() }
            let admitted = try await Self.accept(tasks, fixture.project.id, room: 2, fixture).admitted
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.claim([tasks[0].id], workerID: worker, fleetDefault: "local").map(\.id) == [tasks[0].id])
            #expect(try await fixture.store.takeBack(admitted) == 1)
            #expect(try await fixture.status(tasks[1].id) == .pending)
            let verification = Verification(store: fixture.store, partitioning: .standard, grace: .seconds(60), depths: nil)
            #expect(try await verification.run().holds)
        }
    }
}
