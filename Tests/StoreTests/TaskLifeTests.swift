import Domain
import Foundation
import Postgres
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct TaskLifeTests {
    @Test func completesWithItsHistory() async throws {
        try await StoreFixture.with { fixture in
            let task = try StoreFixture.newTask(priority: 5)
            try await fixture.accept([task])
            let admitted = try await fixture.admit()
            #expect(admitted.map(\.id) == [task.id])
            let worker = try await fixture.makeWorker()
            let claimed = try #require(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").first)
            #expect(claimed.attempt == 1)
            let call = try #require(claimed.call)
            #expect(call.engine == "local")
            let moved = try await fixture.store.settle(
                [
                    Settlement(
                        taskID: task.id, attempt: 1, outcome: .completed(output: ["text": "hello"]),
                        calls: [
                            CallOutcome(
                                resultID: call.resultID, status: .completed, output: ["text": "hello"], processingTime: 12,
                                tokenUsage: ["total_tokens": 3])
                        ])
                ], workerID: worker)
            #expect(moved == [task.id])

            let history = try await fixture.store.history(taskID: task.id, limit: 10, after: nil).elements
            #expect(history.map(\.to) == [.pending, .inQueue, .processing, .completed])
            #expect(history.map(\.from) == [nil, .pending, .inQueue, .processing])
            #expect(history.map(\.changedAt) == history.map(\.changedAt).sorted())
            #expect(history.map(\.changedBy) == [fixture.principal.userID, nil, worker, worker])
            let stored = try #require(try await fixture.store.task(task.id))
            #expect(stored.output == ["text": "hello"])
            #expect(stored.completedAt != nil && stored.startedAt != nil)
            let results = try await fixture.store.results(taskID: task.id, limit: 10, after: nil).elements
            #expect(results.map(\.status) == [.completed])
            #expect(results.first?.processingTime == 12)
        }
    }

    @Test(arguments: TaskStatus.allCases)
    func refusesIllegalMoves(from: TaskStatus) async throws {
        try await StoreFixture.with { fixture in
            let path = Self.path(to: from)
            for to in TaskStatus.allCases where to != from {
                let task = try StoreFixture.newTask()
                try await fixture.accept([task])
                for step in path { try await Self.move(task.id, to: step, fixture) }
                if from.canMove(to: to) {
                    try await Self.move(task.id, to: to, fixture)
                    #expect(try await fixture.status(task.id) == to)
                } else {
                    await #expect("\(from) → \(to)") { try await Self.move(task.id, to: to, fixture) } throws: { error in
                        (error as? PostgresError)?.constraint == "tasks_status_moves"
                    }
                    #expect(try await fixture.status(task.id) == from)
                }
            }
        }
    }

    static func move(_ id: UUID, to status: TaskStatus, _ fixture: StoreFixture) async throws {
        _ = try await fixture.database.execute("UPDATE tasks SET status = \(status.rawValue) WHERE task_id = \(id)")
    }

    /// The shortest legal way from `pending`.
    static func path(to status: TaskStatus) -> [TaskStatus] {
        var paths: [TaskStatus: [TaskStatus]] = [.pending: []]
        var front: [TaskStatus] = [.pending]
        while paths[status] == nil, !front.isEmpty {
            front = front.flatMap { from in
                from.next.filter { paths[$0] == nil }.map { to in
                    paths[to] = (paths[from] ?? []) + [to]
                    return to
                }
            }
        }
        return paths[status] ?? []
    }

    @Test func fencesAWorkerThatWasTakenForDead() async throws {
        try await StoreFixture.with { fixture in
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let first = try await fixture.makeWorker()
            let claim = try #require(try await fixture.store.claim([task.id], workerID: first, fleetDefault: "local").first)
            // Its session holds no lock; the first look notes since when the server keeps its sessions.
            _ = try await fixture.store.silentWorkers(lease: .zero)
            let silent = try await fixture.store.silentWorkers(lease: .zero)
            #expect(silent.map(\.id) == [first])
            #expect(try await fixture.store.markLost([first], lease: .zero) == [first])
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 1)
            #expect(try await fixture.status(task.id) == .retrying)
            let results = try await fixture.store.results(taskID: task.id, limit: 10, after: nil).elements
            #expect(results.map(\.status) == [.unknown])

            _ = try await fixture.admit()
            let second = try await fixture.makeWorker()
            let again = try #require(try await fixture.store.claim([task.id], workerID: second, fleetDefault: "local").first)
            #expect(again.attempt == 2)
            // The first one's answer is kept in the ledger, and moves nothing.
            let late = try await fixture.store.settle(
                [
                    Settlement(
                        taskID: task.id, attempt: claim.attempt, outcome: .completed(output: ["text": "late"]),
                        calls: [
                            CallOutcome(
                                resultID: try #require(claim.call).resultID, status: .completed, output: ["text": "late"],
                                processingTime: 1,
                                tokenUsage: nil)
                        ])
                ], workerID: first)
            #expect(late.isEmpty)
            #expect(try await fixture.status(task.id) == .processing)
            let ledger = try await fixture.store.results(taskID: task.id, limit: 10, after: nil).elements
            #expect(ledger.map(\.status) == [.completed, .pending])
        }
    }

    @Test func aMessageCannotClaimWhatMovedOn() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            #expect(
                try await fixture.store.claim([task.id, UUID()], workerID: worker, fleetDefault: "local").isEmpty, "it is only pending")
            _ = try await fixture.admit()
            #expect(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").count == 1)
            #expect(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").isEmpty, "a doubled message")
        }
    }

    /// Somebody moves the task while its message is claimed: the claim waits, and goes by what the task is then.
    @Test func aClaimGoesByWhatTheTaskIsWhenItsRowIsFree() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            let (overtaken, cancelled) = (try StoreFixture.newTask(), try StoreFixture.newTask())
            try await fixture.accept([overtaken, cancelled])
            _ = try await fixture.database.execute("UPDATE tasks SET status = 'in_queue' WHERE task_id = \(cancelled.id)")
            let (moves, move) = AsyncStream.makeStream(of: Void.self)
            async let claims = {
                _ = await moves.first { _ in true }
                return try await fixture.store.claim([overtaken.id, cancelled.id], workerID: worker, fleetDefault: "local")
            }()
            try await fixture.database.transaction { connection in
                _ = try connection.execute(
                    """
                    UPDATE tasks SET status = CASE status WHEN 'pending' THEN 'in_queue' ELSE 'cancelled' END
                    WHERE task_id IN (\(overtaken.id), \(cancelled.id))
                    """)
                move.yield()
                // The claim is in the database now, and waits for this transaction's lock.
                try await Self.waitForLock(fixture)
            }
            #expect(try await claims.map(\.id) == [overtaken.id])
        }
    }

    private static func waitForLock(_ fixture: StoreFixture) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            let waiting = try await fixture.database.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ) { try $0.decode(Int.self) }
            if waiting.first ?? 0 > 0 { return }
        }
        Issue.record("no claim waited for the lock")
    }

    /// The broker confirmed nothing of three tasks, and delivered one of them all the same.
    @Test func whatTheBrokerDidNotConfirmIsTakenBack() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<3).map { _ in try StoreFixture.newTask() }
            try await fixture.accept(tasks)
            let admitted = try await fixture.admit()
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.claim([tasks[0].id], workerID: worker, fleetDefault: "local").count == 1)
            #expect(try await fixture.store.takeBack(admitted) == 2)
            #expect(try await fixture.status(tasks[0].id) == .processing)
            for task in tasks.dropFirst() {
                #expect(try await fixture.status(task.id) == .pending)
                let history = try await fixture.store.history(taskID: task.id, limit: 10, after: nil).elements
                #expect(history.compactMap(\.reason) == ["The broker did not confirm its message."])
            }
            #expect(try await fixture.admit().map(\.id) == tasks.dropFirst().map(\.id))
        }
    }

    @Test func admitsByPriorityThenAge() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try [1, 3, 2, 3].map { try StoreFixture.newTask(priority: $0) }
            try await fixture.accept(tasks)
            var order: [UUID] = []
            for priority in [3, 3, 2, 1] {
                order += try await fixture.store.admit([AdmissionGrant(projectID: fixture.project.id, priority: priority, limit: 1)])
                    .tasks.map(\.id)
            }
            #expect(order == [tasks[1], tasks[3], tasks[2], tasks[0]].map(\.id))
        }
    }

    @Test func aDelayedTaskIsNotAdmitted() async throws {
        try await StoreFixture.with { fixture in
            var task = try StoreFixture.newTask()
            task.availableAt = Date(timeIntervalSinceNow: 3_600)
            try await fixture.accept([task])
            #expect(try await fixture.admit().isEmpty)
            #expect(try await fixture.status(task.id) == .pending)
        }
    }

    /// Where engines are balanced, neither opens a call: the worker does.
    @Test func choosesTheSameEngineAsTheCode() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            let inputs: [JSONValue] = [
                ["prompt": "a"], ["prompt": "a", "engine": "hosted"], ["prompt": "a", "engines": ["hosted", "local"]],
                ["prompt": "a", "engines": ["hosted", "local"], "strategy": "race"],
                ["prompt": "a", "engines": ["hosted", "local"], "strategy": "balance"],
            ]
            for settings in [
                [:], ["engines": ["hosted"]], ["engines": ["hosted", "local"], "strategy": "balance"],
                ["engines": ["hosted", "local"], "strategy": "ensemble", "judge": "local"],
            ] as [JSONValue] {
                let project = try await fixture.store.createProject(
                    try StoreFixture.newProject("engines \(settings)", settings: settings), principal: fixture.principal)
                let tasks = try inputs.map { try StoreFixture.newTask(input: $0) }
                for outcome in await fixture.store.accept([
                    Submission(projectID: project.id, userID: fixture.principal.userID, tasks: tasks)
                ]) {
                    _ = try outcome.get()
                }
                let entries = try await fixture.store.backlog(from: nil, limit: 100).entries.filter { $0.projectID == project.id }
                _ = try await fixture.store.admit(
                    entries.map { AdmissionGrant(projectID: project.id, priority: 1, engine: $0.engine, limit: 10) })
                let claims = try await fixture.store.claim(tasks.map(\.id), workerID: worker, fleetDefault: "local")
                for task in tasks {
                    let claim = try #require(claims.first { $0.id == task.id })
                    func plan(_ settings: ProjectSettings) -> StrategyPlan {
                        StrategyPlan(of: task.input, settings: settings, standard: "local")
                    }
                    let expected = plan(ProjectSettings(stored: settings.objectValue ?? [:]))
                    #expect(
                        claim.call?.engine == (expected.strategy == .balance ? nil : expected.engines.first), "\(task.input) \(settings)")
                    #expect(plan(claim.projectSettings ?? ProjectSettings()) == expected, "the worker is told enough")
                    // What holds a task back is the engine that it is called with, where it has no other.
                    let entry = entries.first { $0.engine == task.engine }
                    #expect(entry?.neededEngine == (expected.engines.count == 1 ? expected.engines.first : nil))
                }
            }
        }
    }

    @Test func oneBadSubmissionDoesNotTakeTheOthersDown() async throws {
        try await StoreFixture.with { fixture in
            let good = Submission(projectID: fixture.project.id, userID: fixture.principal.userID, tasks: [try StoreFixture.newTask()])
            let strange = Submission(projectID: UUID(), userID: fixture.principal.userID, tasks: [try StoreFixture.newTask()])
            let orphan = Submission(projectID: fixture.project.id, userID: UUID(), tasks: [try StoreFixture.newTask()])
            let outcomes = await fixture.store.accept([good, strange, orphan])
            #expect(throws: Never.self) { try outcomes[0].get() }
            #expect(throws: Problem.self) { try outcomes[1].get() }
            #expect(throws: PostgresError.self) { try outcomes[2].get() }
            #expect(
                try await fixture.store.tasks(projectID: fixture.project.id, filter: TaskFilter(), limit: 10, before: nil).elements.count
                    == 1)
        }
    }

    @Test func findsWhatTheBrokerLost() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<3).map { _ in try StoreFixture.newTask() }
            try await fixture.accept(tasks)
            _ = try await fixture.admit()
            #expect(try await fixture.store.staleInQueue(olderThan: .seconds(60)).isEmpty)
            let stale = try await fixture.store.staleInQueue(olderThan: .zero)
            #expect(stale.map(\.count) == [3])
            #expect(try await fixture.store.readmit(stale, olderThan: .zero) == 3)
            let history = try await fixture.store.history(taskID: tasks[0].id, limit: 10, after: nil).elements
            #expect(history.last?.to == .pending)
            #expect(history.last?.reason == "The broker lost its message.")
        }
    }

    @Test func walksTheBacklogByProjectAndPriority() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.accept(try [1, 1, 9, 0].map { try StoreFixture.newTask(priority: $0) })
            let backlog = try await fixture.store.backlog(from: nil, limit: 100)
            #expect(backlog.entries.map(\.priority) == [9, 1, 0])
            #expect(try await fixture.store.backlog(from: fixture.project.id, limit: 100).entries.isEmpty)
        }
    }
}
