import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// The number of tasks that an account and a project may hand in: to the unit, whatever comes at once.
@Suite(.timeLimit(.minutes(2))) struct QuotaAcceptanceTests {
    private static func refusal(_ result: Result<Acceptance, any Error>) -> Quota? {
        guard case .failure(let error) = result else { return nil }
        return (error as? Problem)?.quota?.quota
    }

    /// Fifty writers, each with a connection of the pool or waiting for one, at the edge of a quota.
    @Test func aLimitHoldsAgainstManyWriters() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 100, of: fixture.principal.userID)
            let budgeted = try await fixture.makeProject("Budgeted", budget: ["tasks": 30])
            let accepted = try await withThrowingTaskGroup { group in
                for writer in 0..<50 {
                    group.addTask {
                        var accepted = 0
                        for round in 0..<4 {
                            let size = (writer + round) % 3 + 1
                            let project = writer % 2 == 0 ? budgeted : fixture.project.id
                            let result = await fixture.submit(size, to: project)
                            if case .success = result { accepted += size } else { #expect(Self.refusal(result) != nil, "\(result)") }
                        }
                        return accepted
                    }
                }
                return try await group.reduce(0, +)
            }
            let stored = try await fixture.count("SELECT count(*) FROM tasks")
            let inBudget = try await fixture.count("SELECT count(*) FROM tasks WHERE project_id = \(budgeted)")
            #expect(accepted == stored && stored <= 100 && inBudget <= 30)
            // All that was refused was larger than what was left.
            while case .success = await fixture.submit(1) {}
            #expect(try await fixture.count("SELECT count(*) FROM tasks") == 100)
            let quota = try #require(try await fixture.quota(.tasks))
            #expect(quota.used == 100 && quota.remaining == 0)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// One statement carries the tasks of many: those without a quota never wait for those with one.
    @Test func aBatchIsSplitAtTheQuota() async throws {
        try await StoreFixture.with { fixture in
            let budgeted = try await fixture.makeProject("Budgeted", budget: ["tasks": 5])
            let sizes = [(fixture.project.id, 3), (budgeted, 2), (budgeted, 4), (budgeted, 3), (UUID(), 1)]
            let submissions = try sizes.map { project, size in
                Submission(
                    projectID: project, userID: fixture.principal.userID, tasks: try (0..<size).map { _ in try StoreFixture.newTask() })
            }
            let outcomes = await fixture.store.accept(submissions, admitting: 100)
            #expect(try outcomes[0].get().admitted.count == 3)
            #expect(try outcomes[1].get().admitted.isEmpty, "only the dispatcher admits what a budget bounds")
            let refused = try #require(Self.refusal(outcomes[2]))
            #expect(refused.projectID == budgeted && refused.limit == 5)
            #expect(throws: Never.self) { try outcomes[3].get() }
            #expect(Self.refusal(outcomes[4]) == nil)
            #expect(throws: Problem.self) { try outcomes[4].get() }
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE project_id = \(budgeted)") == 5)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// Families, children of tasks that exist, and lines count like all others, all or nothing.
    @Test func everyWayInCounts() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 10, of: fixture.principal.userID)
            let group = try NewTask(
                reading: ["task_type": "group", "children": [["task_type": "chat", "input_data": ["prompt": "hi"]]]],
                knownEngines: EngineNames(["local"]))
            try await fixture.accept([group])
            #expect(try await fixture.quota(.tasks)?.used == 2)
            var child = try StoreFixture.newTask()
            child.parentID = group.id
            try await fixture.accept([child])
            #expect(try await fixture.quota(.tasks)?.used == 3)

            let upload = Upload(projectID: fixture.project.id, userID: fixture.principal.userID, parentIDs: [])
            let problem = await #expect(throws: Problem.self) {
                _ = try await fixture.store.accept(upload) { take in
                    for _ in 0..<4 { try take([try StoreFixture.newTask(), try StoreFixture.newTask()]) }
                }
            }
            #expect(problem?.quota?.quota.remaining == 1)
            #expect(try await fixture.quota(.tasks)?.used == 3, "all or nothing")
            _ = try await fixture.store.accept(upload) { take in
                for _ in 0..<3 { try take([try StoreFixture.newTask(), try StoreFixture.newTask()]) }
            }
            #expect(try await fixture.quota(.tasks)?.used == 9)
            var late = [try StoreFixture.newTask(), try StoreFixture.newTask()]
            for index in late.indices { late[index].parentID = group.id }
            let outcome = await fixture.store.accept(
                [Submission(projectID: fixture.project.id, userID: fixture.principal.userID, tasks: late)])
            #expect(outcome.first.flatMap(Self.refusal)?.remaining == 1)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// An upload counts in the end: while it runs others of its account are not held up, and what they take it cannot have.
    @Test(arguments: [2, 3]) func anUploadHoldsNobodyUp(others: Int) async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 5, of: fixture.principal.userID)
            let batch = try (0..<3).map { _ in try StoreFixture.newTask() }
            let (signals, signal) = AsyncStream<Void>.makeStream()
            let taken = DispatchSemaphore(value: 0)
            async let used: Int? = {
                for await _ in signals { break }
                defer { taken.signal() }
                _ = try await fixture.submit(others).get()
                return try await fixture.quota(.tasks)?.used
            }()
            let upload = Upload(projectID: fixture.project.id, userID: fixture.principal.userID, parentIDs: [])
            var problem: Problem?
            do {
                _ = try await fixture.store.accept(upload) { take in
                    try take(batch)
                    signal.yield()
                    // On the connection's own thread, which may block.
                    #expect(taken.wait(timeout: .now() + 20) == .success)
                }
            } catch let error as Problem {
                problem = error
            }
            #expect(try await used == others, "the upload has not counted yet")
            #expect(problem?.quota?.quota.remaining == (others == 2 ? nil : 2))
            #expect(try await fixture.quota(.tasks)?.used == (others == 2 ? 5 : 3))
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// A repeated request gets its first answer, also when the quota is used up since; it counts once.
    @Test func aKeyIsCountedOnce() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 1, of: fixture.principal.userID)
            let key = IdempotencyKey(userID: fixture.principal.userID, source: .http, text: "once")
            let request = IdempotentRequest(key: key, digest: [1, 2, 3])
            let submissions = try (0..<20).map { _ in
                var submission = Submission(
                    projectID: fixture.project.id, userID: fixture.principal.userID, tasks: [try StoreFixture.newTask()])
                submission.idempotency = Submission.Idempotency(request: request, answer: FirstAnswer(body: "{}"))
                return submission
            }
            let repeated = try await withThrowingTaskGroup { group in
                for submission in submissions {
                    group.addTask { try await fixture.store.accept([submission])[0].get().repeated != nil ? 1 : 0 }
                }
                return try await group.reduce(0, +)
            }
            #expect(repeated == 19)
            #expect(try await fixture.quota(.tasks)?.used == 1)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// Quotas come and go while tasks are handed in: what was under way is not counted, and everything else is.
    @Test func quotasMayBeSetAtAnyMoment() async throws {
        try await StoreFixture.with { fixture in
            try await withThrowingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<30 { _ = try await fixture.submit(2).get() }
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        _ = try await fixture.store.setQuota(.tasks, limit: 1_000_000, of: fixture.principal.userID)
                        let broken = try await fixture.broken()
                        #expect(broken.isEmpty, "\(broken)")
                        try await fixture.store.dropQuota(.tasks, of: fixture.principal.userID)
                    }
                    _ = try await fixture.store.setQuota(.tasks, limit: 1_000_000, of: fixture.principal.userID)
                }
                group.addTask {
                    for number in 0..<20 {
                        _ = try await fixture.store.createProject(
                            try StoreFixture.newProject("More \(number)"), principal: fixture.principal)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.count("SELECT count(*) FROM tasks") == 480)
            #expect(try await fixture.broken().isEmpty)
            #expect(try await fixture.count("SELECT count(*) FROM projects WHERE NOT metered") == 0)
            try await fixture.store.dropQuota(.tasks, of: fixture.principal.userID)
            #expect(try await fixture.count("SELECT count(*) FROM projects WHERE metered") == 0)
        }
    }

    /// A new month begins at the first use in it.
    @Test func theMonthRollsOver() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 3, of: fixture.principal.userID)
            _ = try await fixture.submit(3).get()
            #expect(Self.refusal(await fixture.submit(1))?.used == 3)
            _ = try await fixture.database.execute("UPDATE usage_quotas SET reset_date = current_date - 1")
            let fresh = try #require(try await fixture.quota(.tasks))
            #expect(fresh.used == 0 && fresh.remaining == 3, "it is seen before anybody has used it")
            #expect(fresh.resetsAt > Date())
            let accepted = await withTaskGroup { group in
                for _ in 0..<10 { group.addTask { if case .success = await fixture.submit(1) { 1 } else { 0 } } }
                return await group.reduce(0, +)
            }
            #expect(accepted == 3)
            #expect(try await fixture.quota(.tasks)?.used == 3)
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM usage_quotas WHERE reset_date = chorus_next_reset() AND extract(day FROM reset_date) = 1") == 1)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    @Test func retriesAreNoNewTasks() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 1, of: fixture.principal.userID)
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            for action in [TaskAction.cancel, .retry, .pause, .resume] {
                _ = try await fixture.store.move(task.id, action, by: fixture.principal.userID)
            }
            #expect(try await fixture.quota(.tasks)?.used == 1)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    @Test func theLawSeesAWrongFigure() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.setQuota(.tasks, limit: 9, of: fixture.principal.userID)
            _ = try await fixture.submit(2).get()
            let quota = try #require(try await fixture.quota(.tasks))
            _ = try await fixture.database.execute("UPDATE usage_quotas SET current_usage = 1")
            _ = try await fixture.database.execute("UPDATE projects SET metered = FALSE")
            let broken = try await fixture.broken()
            #expect(broken.map(\.law) == [.quotasAreCounted, .meteredIsExact])
            #expect(broken.map(\.ids) == [[quota.id], [fixture.project.id]])
        }
    }
}
