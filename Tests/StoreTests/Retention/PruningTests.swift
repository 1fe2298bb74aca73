import Domain
import Foundation
import Operations
import Postgres
import Store
import TestSupport
import Testing

/// A whole run, beside a system that goes on.
@Suite(.timeLimit(.minutes(2))) struct PruningTests {
    @Test func removesWhatIsOldAndSaysSo() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            try await fixture.runOldTasks(25, worker: worker)
            _ = await fixture.submit(3)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 1)
            let path = "\(try await TestFolder.fresh("prune"))/tasks.ndjson"
            func pruning(_ days: Int, isTrial: Bool = false) throws -> Pruning {
                Pruning(
                    store: fixture.store, days: days, pace: PrunePace(share: 1), isTrial: isTrial,
                    archive: isTrial ? nil : try PruneFile(path), batchSize: 10)
            }
            let trial = try await pruning(8, isTrial: true).run(until: .now + .seconds(60))
            #expect(trial.tasks == 25 && trial.isComplete && trial.projects.map(\.tasks) == [25])
            let kept = try await pruning(0).run(until: .now + .seconds(60))
            #expect(kept.tasks == 0 && kept.isComplete)
            let late = try await pruning(8).run(until: .now)
            #expect(late.tasks == 0 && !late.isComplete)

            var steps: [Int] = []
            let report = try await pruning(8).run(until: .now + .seconds(60)) { steps.append($0.tasks) }
            #expect(report.tasks == 25 && report.calls == 25 && report.history == 100 && report.isComplete)
            #expect(report.projects.map(\.id) == [fixture.project.id] && report.projects.map(\.days) == [8])
            #expect(steps == [10, 20, 25])
            #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 25)
            let log = try await fixture.store.activity(of: fixture.project.id, limit: 1, before: nil).elements.first
            #expect(log?.type == "tasks_pruned" && log?.metadata?["tasks"] == 25)
            #expect(try await fixture.rows("tasks") == 3)
            #expect(try await fixture.broken() == [])
        }
    }

    @Test func oneRunAtATime() async throws {
        try await StoreFixture.with { fixture in
            let other = try await fixture.connect()
            try await other.perform { _ = try $0.query("SELECT pg_advisory_lock(\(Store.pruneLock))") }
            let pruning = Pruning(store: fixture.store, days: 1)
            await #expect("the lock is held") { try await pruning.run(until: .now + .seconds(10)) } throws: {
                ($0 as? OperationsError)?.code == .wrongState
            }
            await other.close()
            try await eventually("the lock is free again") {
                (try? await pruning.run(until: .now + .seconds(10)))?.isComplete == true
            }
        }
    }

    /// Tasks are accepted, run, cancelled, retried and rated while others go: every look finds every law.
    @Test func lawsHoldWhileEverybodyWrites() async throws {
        try await StoreFixture.with { fixture in
            for type in QuotaType.allCases { _ = try await fixture.store.setQuota(type, limit: 100_000, of: fixture.principal.userID) }
            let tally = Tally(writers: 4)
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    let worker = try await fixture.makeWorker()
                    group.addTask {
                        defer { tally.end() }
                        for _ in 0..<12 {
                            try await fixture.accept(try (0..<4).map { _ in try StoreFixture.newTask() })
                            let tasks = try await fixture.admitAll(limit: 3).tasks
                            try await fixture.run(tasks, worker: worker, tokens: 5, cost: 2)
                            // Some of these may be gone at that moment: that is a 404 or a 409, and no broken law.
                            let unlucky = try StoreFixture.newTask()
                            try await fixture.accept([unlucky])
                            for action in [TaskAction.cancel, .retry, .cancel] {
                                do {
                                    _ = try await fixture.store.move(unlucky.id, action, by: fixture.principal.userID)
                                } catch is Problem {}
                            }
                        }
                    }
                }
                group.addTask {
                    while tally.goesOn {
                        do {
                            let batches = try await fixture.pruneAll(limit: 5)
                            tally.add(batches.map(\.tasks).reduce(0, +))
                        } catch let error as PostgresError where error.isRetryable && !error.leavesOutcomeOpen {
                            // It waits for a lock no longer than two seconds, and tries again later.
                        }
                    }
                }
                group.addTask {
                    while tally.goesOn {
                        let broken = try await fixture.broken()
                        #expect(broken.isEmpty, "\(broken)")
                        _ = try await fixture.store.foldCounts(limit: 7)
                    }
                }
                try await group.waitForAll()
            }
            let total = tally.gone + (try await fixture.pruneAll().map(\.tasks).reduce(0, +))
            let stats = try await fixture.store.stats(of: fixture.project.id)
            #expect(stats.tasks.values.reduce(0, +) == 240)
            #expect(stats.pruned == total && total == (stats.tasks[.completed] ?? 0) + (stats.tasks[.cancelled] ?? 0))
            #expect(try await fixture.quota(.tasks)?.used == 240)
            #expect(try await fixture.broken() == [])
        }
    }
}
