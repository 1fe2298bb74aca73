import Domain
import Foundation
import Logging
import Operations
import Postgres
import Store
import Testing

/// Ended tasks go; what they were stays in the figures, and every law holds.
@Suite(.timeLimit(.minutes(2))) struct PruneTests {
    /// Two completed with ratings, one cancelled, one that runs and one that waits, in a project that its account's quotas bound.
    private static func withTasks(_ body: (StoreFixture) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            for type in QuotaType.allCases { _ = try await fixture.store.setQuota(type, limit: 1_000, of: fixture.principal.userID) }
            let worker = try await fixture.makeWorker()
            _ = await fixture.submit(2)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 7, cost: 20)
            let call = try #require(
                try await fixture.database.query("SELECT result_id FROM results LIMIT 1") { try $0.decode(UUID.self) }.first)
            for rating in [4, 5] {
                let feedback = try NewFeedback(reading: ["rating": .number(JSONNumber(rating))])
                _ = try await fixture.store.addFeedback(feedback, on: call, by: fixture.principal.userID)
            }
            _ = await fixture.submit(1)
            let running = try await fixture.admitAll().tasks.map(\.id)
            #expect(try await fixture.store.claim(running, workerID: worker, fleetDefault: "local").count == 1)
            let cancelled = try StoreFixture.newTask()
            try await fixture.accept([cancelled])
            _ = try await fixture.store.move(cancelled.id, .cancel, by: fixture.principal.userID)
            _ = await fixture.submit(1)
            try await body(fixture)
        }
    }

    @Test func whatHasEndedGoesAndTheFiguresStay() async throws {
        try await Self.withTasks { fixture in
            let before = try await fixture.store.stats(of: fixture.project.id)
            let quotas = try await fixture.store.quotas(of: fixture.principal.userID)
            #expect(before.tasks[.completed] == 2 && before.tasks[.cancelled] == 1 && quotas.map(\.used).reduce(0, +) == 5 + 14 + 40)
            let trial = try await fixture.store.pruneTrial(fixture.plan(), after: nil, limit: 500)
            #expect(trial.tasks == 3 && trial.next == nil)
            #expect(try await fixture.rows("tasks") == 5)

            let batches = try await fixture.pruneAll()
            #expect(batches.count == 1)
            let batch = try #require(batches.first)
            #expect(batch.tasks == 3 && batch.calls == 2 && batch.ratings == 2)
            // Accepted, admitted, claimed, completed; accepted, cancelled.
            #expect(batch.history == 10)
            #expect(try await fixture.rows("tasks") == 2)
            #expect(try await fixture.rows("results") == 1)
            #expect(try await fixture.rows("result_feedback") == 0)
            for folds in [false, true] {
                if folds { _ = try await fixture.store.foldCounts(limit: 1_000) }
                var after = try await fixture.store.stats(of: fixture.project.id)
                #expect(after.pruned == 3)
                after.pruned = 0
                #expect(after.tasks == before.tasks && after.engines == before.engines)
                // A minute may begin between the two looks, and each counts back from its own.
                #expect([0, 1].contains { after.minutes == Self.minutes(before.minutes, later: $0) })
                #expect(try await fixture.store.quotas(of: fixture.principal.userID).map(\.used) == quotas.map(\.used))
                #expect(try await fixture.broken() == [])
            }
            _ = try await fixture.database.query("SELECT chorus_count_anew()") { _ in }
            #expect(try await fixture.store.stats(of: fixture.project.id).tasks == before.tasks.filter { $0.value != 0 })
            #expect(try await fixture.broken() == [])
            #expect(try await fixture.pruneAll().map(\.tasks) == [0])
        }
    }

    private static func minutes(_ minutes: [TaskStatus: [Int: Int]], later shift: Int) -> [TaskStatus: [Int: Int]] {
        minutes.mapValues { Dictionary(uniqueKeysWithValues: $0.map { ($0.key + shift, $0.value) }) }
    }

    /// The laws hear of it where what went is not what the figures lack.
    @Test func theLawsStillSayWhatIsWrong() async throws {
        try await Self.withTasks { fixture in
            _ = try await fixture.pruneAll()
            #expect(try await fixture.broken() == [])
            let breaks: [(Law, PostgresQuery, PostgresQuery)] = [
                (
                    .countsAreExact, "UPDATE project_pruned_counts SET tokens = tokens + 1 WHERE subject = 'call'",
                    "UPDATE project_pruned_counts SET tokens = tokens - 1 WHERE subject = 'call'"
                ),
                (
                    .countsAreExact, "UPDATE project_pruned_counts SET number = number + 1 WHERE subject = 'task' AND status = 'cancelled'",
                    "UPDATE project_pruned_counts SET number = number - 1 WHERE subject = 'task' AND status = 'cancelled'"
                ),
                (
                    .quotasAreCounted, "UPDATE usage_quotas SET pruned_usage = pruned_usage + 1 WHERE quota_type = 'tokens'",
                    "UPDATE usage_quotas SET pruned_usage = pruned_usage - 1 WHERE quota_type = 'tokens'"
                ),
            ]
            for (law, breaking, mending) in breaks {
                _ = try await fixture.database.execute(breaking)
                #expect(try await fixture.broken().map(\.law) == [law])
                _ = try await fixture.database.execute(mending)
                #expect(try await fixture.broken() == [])
            }
        }
    }

    /// What a quota counted of tasks that went belongs to their month.
    @Test func aNewMonthForgetsWhatWent() async throws {
        try await Self.withTasks { fixture in
            _ = try await fixture.pruneAll()
            #expect(try await fixture.count("SELECT sum(pruned_usage)::bigint FROM usage_quotas") == 3 + 14 + 40)
            _ = try await fixture.database.execute("UPDATE usage_quotas SET reset_date = CURRENT_DATE - 1")
            _ = await fixture.submit(1)
            #expect(try await fixture.count("SELECT pruned_usage FROM usage_quotas WHERE quota_type = 'tasks'") == 0)
            #expect(try await fixture.quota(.tasks)?.used == 1)
            #expect(try await fixture.broken() == [])
        }
    }

    private static func hold(_ id: UUID, in session: isolated PostgresConnection) throws {
        try session.execute("BEGIN")
        try session.execute("SELECT FROM tasks WHERE task_id = \(id) FOR UPDATE")
    }

    /// Its lock is gone when this returns: a session that is closed goes on until its server process has noticed.
    private static func letGo(_ session: isolated PostgresConnection) throws {
        try session.execute("ROLLBACK")
        session.close()
    }

    @Test func goesStepByStepAndAroundWhatIsHeld() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            _ = await fixture.submit(7)
            let tasks = try await fixture.admitAll().tasks
            try await fixture.run(tasks, worker: worker, tokens: 1)
            let held = try #require(tasks.first?.id)
            let young = try #require(tasks.last?.id)
            try await fixture.makeYoung(young)
            let other = try await fixture.connect()
            try await Self.hold(held, in: other)
            let batches = try await fixture.pruneAll(limit: 2)
            #expect(batches.map(\.tasks).reduce(0, +) == 5)
            #expect(batches.count == 4 && batches.allSatisfy { $0.tasks <= 2 })
            try await Self.letGo(other)
            #expect(try await fixture.pruneAll().map(\.tasks) == [1])
            #expect(try await fixture.status(young) == .completed)
            #expect(try await fixture.broken() == [])
        }
    }

    @Test func aFamilyGoesAsAWholeOrNotAtAll() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task("parent", [Family.task("middle", [Family.chat("leaf")]), Family.chat("sibling")]), Family.chat("single"))
            try await family.run("single")
            try await family.run("leaf")
            let fixture = family.fixture
            #expect(try await fixture.pruneAll().map(\.tasks) == [1])
            #expect(try await fixture.store.pruneTrial(fixture.plan(), after: nil, limit: 500).tasks == 0)
            try await family.run("sibling")
            try await family.run("middle")
            try await family.run("parent")
            try await fixture.makeYoung(family["leaf"])
            #expect(try await fixture.pruneAll().map(\.tasks) == [0])
            _ = try await fixture.database.execute("UPDATE tasks SET completed_at = now() WHERE task_id = \(family["leaf"])")
            let other = try await fixture.connect()
            try await Self.hold(family["sibling"], in: other)
            #expect(try await fixture.pruneAll().map(\.tasks) == [0])
            try await Self.letGo(other)
            #expect(try await fixture.store.pruneTrial(fixture.plan(), after: nil, limit: 500).tasks == 4)
            // Larger than the batch.
            #expect(try await fixture.pruneAll(limit: 2).map(\.tasks).reduce(0, +) == 4)
            #expect(try await fixture.rows("task_history") == 0)
        }
    }

    @Test func aProjectSaysHowLongItKeepsItsTasks() async throws {
        try await StoreFixture.with { fixture in
            var projects: [Int?: UUID] = [nil: fixture.project.id]
            for days in [0, 5, 20] {
                let settings: JSONValue = ["retention_days": .number(JSONNumber(days))]
                projects[days] = try await fixture.store.createProject(
                    try StoreFixture.newProject("\(days)", settings: settings), principal: fixture.principal
                ).id
            }
            for project in projects.values {
                _ = try await fixture.database.execute(
                    """
                    INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
                    VALUES (chorus_uuid_v7(now() - interval '10 days'), \(project), \(fixture.principal.userID), 'chat', 'pending', '{}')
                    """)
            }
            func planned(_ days: Int, limit: Int = 10) async throws -> Set<UUID> {
                var plans: [PrunePlan] = []
                while true {
                    let page = try await fixture.store.prunePlans(days: days, after: plans.last?.projectID, limit: limit)
                    if page.isEmpty { return Set(plans.map(\.projectID)) }
                    plans += page
                }
            }
            #expect(try await planned(0) == [try #require(projects[5])])
            #expect(try await planned(30, limit: 1) == [try #require(projects[5])])
            #expect(try await planned(7, limit: 1) == [fixture.project.id, try #require(projects[5])])
            let plan = try #require(try await fixture.store.prunePlans(days: 0, after: nil, limit: 1).first)
            #expect(plan.days == 5 && abs(plan.cutoff.timeIntervalSinceNow + 5 * 86_400) < 60)
            #expect(throws: Problem.self) { try StoreFixture.newProject("x", settings: ["retention_days": -1]) }
            #expect(throws: Problem.self) { try StoreFixture.newProject("x", settings: ["retention_days": 40_000]) }
        }
    }

    @Test func rowsOfWorkersThatEndedLongAgoGo() async throws {
        try await StoreFixture.with { fixture in
            let (alive, left, busy) = (
                try await fixture.makeWorker(), try await fixture.makeWorker(), try await fixture.makeWorker()
            )
            _ = await fixture.submit(1)
            let task = try await fixture.admitAll().tasks.map(\.id)
            #expect(try await fixture.store.claim(task, workerID: busy, fleetDefault: "local").count == 1)
            _ = try await fixture.database.execute(
                "UPDATE workers SET status = 'lost', stopped_at = now() - interval '40 days' WHERE worker_id = ANY (\([left, busy]))")
            #expect(try await fixture.store.forgetWorkers(olderThan: 50, limit: 10) == 0)
            #expect(try await fixture.store.forgetWorkers(olderThan: 30, limit: 10) == 1)
            let stay = try await fixture.database.query("SELECT worker_id FROM workers") { try $0.decode(UUID.self) }
            #expect(Set(stay) == [alive, busy])
        }
    }
}
