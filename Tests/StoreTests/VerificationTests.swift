import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// A small system in which every law holds, and ways to break each.
@Suite(.timeLimit(.minutes(2))) struct VerificationTests {
    struct Break: Sendable, CustomTestStringConvertible {
        var law: Law
        /// The task that is to be named.
        var task: Subject
        /// Statements in which `$TASK` stands for the task's id.
        var statements: [String]
        var testDescription: String { law.rawValue }
    }

    enum Subject: Sendable { case completed, processing, queued, pending }

    static let breaks = [
        Break(law: .statusIsExplained, task: .completed, statements: ["UPDATE tasks SET status = 'failed' WHERE task_id = $TASK"]),
        Break(
            law: .historyChains, task: .completed,
            statements: ["UPDATE task_history SET status_from = 'paused' WHERE task_id = $TASK AND status_to = 'in_queue'"]),
        Break(
            law: .historyChains, task: .pending,
            statements: [
                "UPDATE task_history SET status_to = 'failed' WHERE task_id = $TASK",
                "UPDATE tasks SET status = 'failed' WHERE task_id = $TASK",
            ]),
        Break(
            law: .historyIsInOrder, task: .completed,
            statements: [
                "UPDATE task_history SET changed_at = changed_at - interval '1 hour' WHERE task_id = $TASK AND status_to = 'completed'"
            ]),
        Break(law: .attemptsAreCounted, task: .pending, statements: ["UPDATE tasks SET attempt = attempt + 1 WHERE task_id = $TASK"]),
        Break(
            law: .oneOpenCall, task: .processing,
            statements: [
                """
                INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
                SELECT gen_random_uuid(), task_id, engine_type, '{}', 'pending', attempt FROM results WHERE task_id = $TASK
                """
            ]),
        Break(
            law: .openCallsRun, task: .processing,
            statements: [
                "UPDATE results SET attempt = 7 WHERE task_id = $TASK",
                "UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE task_id = $TASK",
            ]),
        Break(law: .completedOnce, task: .completed, statements: ["UPDATE results SET status = 'failed' WHERE task_id = $TASK"]),
        Break(
            law: .completedOnce, task: .completed,
            statements: [
                """
                INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
                SELECT gen_random_uuid(), task_id, engine_type, '{}', status, attempt FROM results WHERE task_id = $TASK
                """
            ]),
        Break(law: .completedHasOutput, task: .completed, statements: ["UPDATE tasks SET output_data = NULL WHERE task_id = $TASK"]),
        Break(
            law: .processingHasWorker, task: .processing,
            statements: [
                "UPDATE workers SET status = 'lost', stopped_at = now() - interval '1 hour'",
                "UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE task_id = $TASK",
            ]),
        Break(
            law: .processingHasWorker, task: .processing,
            statements: [
                "UPDATE workers SET heartbeat_at = now() - interval '1 hour'",
                "UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE task_id = $TASK",
            ]),
        Break(
            law: .queuedHasMessage, task: .queued,
            statements: ["UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE task_id = $TASK"]),
        Break(law: .taskHasProject, task: .pending, statements: ["UPDATE tasks SET project_id = gen_random_uuid() WHERE task_id = $TASK"]),
        Break(law: .ledgerHasTask, task: .pending, statements: ["DELETE FROM tasks WHERE task_id = $TASK"]),
    ]

    private struct System {
        var fixture: StoreFixture
        var tasks: [Subject: UUID]

        func verify(depth: Int = 0, grace: Duration = .seconds(60)) async throws -> VerificationReport {
            try await Verification(
                store: fixture.store, partitioning: .standard, grace: grace, depths: { $0.map { _ in depth } }, looks: 2, pause: .zero
            ).run()
        }
    }

    private static func withSystem(_ body: (System) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            var tasks: [Subject: UUID] = [:]
            for subject in [Subject.completed, .processing, .queued, .pending] {
                let task = try StoreFixture.newTask()
                tasks[subject] = task.id
                try await fixture.accept([task])
                if subject == .pending { continue }
                _ = try await fixture.admit()
                if subject == .queued { continue }
                let claim = try #require(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").first)
                if subject == .processing { continue }
                let call = CallOutcome(
                    resultID: try #require(claim.call).resultID, status: .completed, output: ["text": "hi"], processingTime: 1,
                    tokenUsage: nil)
                _ = try await fixture.store.settle(
                    [Settlement(taskID: task.id, attempt: 1, outcome: .completed(output: ["text": "hi"]), calls: [call])], workerID: worker)
            }
            try await body(System(fixture: fixture, tasks: tasks))
        }
    }

    @Test func aCleanSystemKeepsEveryLaw() async throws {
        try await Self.withSystem { system in
            let report = try await system.verify()
            #expect(report.holds, "\(report.broken)")
            #expect(report.tasks == 4)
            #expect(report.findings.map(\.law) == Law.allCases)
        }
    }

    @Test(arguments: breaks)
    func findsWhatIsBroken(kind: Break) async throws {
        try await Self.withSystem { system in
            let task = try #require(system.tasks[kind.task])
            try await system.fixture.database.transaction { connection in
                // Neither triggers nor foreign keys: what is written here, no healthy system would let in.
                try connection.execute("SET LOCAL session_replication_role = replica")
                for statement in kind.statements {
                    try connection.execute(PostgresQuery(unescaped: statement.replacing("$TASK", with: "'\(task.text)'")))
                }
                // One law is broken, and no other.
                _ = try connection.query("SELECT chorus_count_anew()")
            }
            let report = try await system.verify()
            #expect(report.broken.map(\.law) == [kind.law])
            #expect(report.broken.first?.ids == [task])
            #expect(report.broken.first?.count == 1)
        }
    }

    @Test func aMessageExplainsATaskInTheQueue() async throws {
        try await Self.withSystem { system in
            _ = try await system.fixture.database.execute(
                "UPDATE tasks SET updated_at = now() - interval '1 hour' WHERE status = 'in_queue'")
            #expect(try await system.verify(depth: 1).holds)
            #expect(try await system.verify(depth: 0).broken.map(\.law) == [.queuedHasMessage])
        }
    }

    /// Pages end in the middle of everything, and every task is looked at once.
    @Test func looksAtEveryPage() async throws {
        try await Self.withSystem { system in
            try await system.fixture.accept(try (0..<50).map { _ in try StoreFixture.newTask() })
            try await system.fixture.database.transaction { connection in
                try connection.execute("SET LOCAL session_replication_role = replica")
                try connection.execute("UPDATE tasks SET attempt = 9 WHERE status = 'pending'")
            }
            for size in [1, 7, 54, 1_000] {
                let pass = try await system.fixture.store.verify(grace: .seconds(60), pageSize: size, idLimit: 20)
                #expect(pass.tasks == 54)
                #expect(pass.counts == [.attemptsAreCounted: 51])
                #expect(pass.firstIDs[.attemptsAreCounted]?.count == 20)
            }
        }
    }
}
