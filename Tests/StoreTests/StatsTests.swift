import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// The figures of projects: kept when rows are written, and exact at any moment.
@Suite(.timeLimit(.minutes(2))) struct StatsTests {
    private static func stats(_ fixture: StoreFixture) async throws -> ProjectStats {
        try await fixture.store.stats(of: fixture.project.id)
    }

    /// Every move, call and rating counts once, folded or not.
    @Test func followWhatHappens() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            try await fixture.accept(try (0..<4).map { _ in try StoreFixture.newTask() })
            #expect(try await Self.stats(fixture).tasks == [.pending: 4])
            let admitted = try await fixture.admit(limit: 3)
            let claimed = try await fixture.store.claim(admitted.map(\.id), workerID: worker, fleetDefault: "local")
            let calls = try claimed.map { try #require($0.call) }
            let settlements = [
                Settlement(
                    taskID: claimed[0].id, attempt: 1, outcome: .completed(output: ["text": "hi"]),
                    calls: [.answered(calls[0], tokens: 7, cost: 20)]),
                Settlement(
                    taskID: claimed[1].id, attempt: 1, outcome: .failed(message: "no"), calls: [.answered(calls[1], .failed, tokens: 3)]),
            ]
            _ = try await fixture.store.settle(settlements, workerID: worker)
            // Twice the same word changes nothing.
            _ = try await fixture.store.settle(settlements, workerID: worker)
            for (index, rating) in [4, 5, nil].enumerated() {
                let body: JSONValue = ["rating": rating.map { .number(JSONNumber($0)) } ?? .null, "feedback_text": .string("\(index)")]
                _ = try await fixture.store.addFeedback(
                    try NewFeedback(reading: body), on: calls[0].resultID, by: fixture.principal.userID)
            }
            for round in 0..<3 {
                let stats = try await Self.stats(fixture)
                #expect(stats.tasks.filter { $0.value != 0 } == [.pending: 1, .processing: 1, .completed: 1, .failed: 1])
                let local = try #require(stats.engines["local"])
                #expect(stats.engines.count == 1)
                #expect(local.calls.filter { $0.value != 0 } == [.completed: 1, .failed: 1])
                #expect(local.tokens == 10 && local.cost == 20 && local.duration == 2)
                #expect(local.ratings == 2 && local.ratingSum == 9)
                #expect(stats.minutes[.completed]?.values.reduce(0, +) == 1)
                let json = stats.json
                #expect(json["engines"]?[0]?["mean_rating"] == 4.5 && json["engines"]?[0]?["mean_processing_time"]?.doubleValue == 1)
                #expect(json["total"] == 4 && json["total_tokens"] == 10 && json["cost_micro_usd"] == 20)
                #expect(try await fixture.broken().isEmpty)
                // In part, then wholly.
                let folded = try await fixture.store.foldCounts(limit: round == 0 ? 3 : 1_000)
                #expect(round == 0 ? folded == 3 : round == 1 ? folded > 3 : folded == 0)
            }
            #expect(try await fixture.count("SELECT count(*) FROM project_count_changes") == 0)
        }
    }

    /// Many write, several fold, and somebody looks: every look is exact.
    @Test func areExactWhileEverybodyWrites() async throws {
        try await StoreFixture.with { fixture in
            let tally = Tally(writers: 4)
            let counted = try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    let worker = try await fixture.makeWorker()
                    group.addTask {
                        defer { tally.end() }
                        for _ in 0..<15 {
                            try await fixture.accept(try (0..<3).map { _ in try StoreFixture.newTask() })
                            try await fixture.run(try await fixture.admit(limit: 2), worker: worker, tokens: 5)
                        }
                        return 0
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        var folded = 0
                        while tally.goesOn { folded += try await fixture.store.foldCounts(limit: 7) }
                        return folded
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        let broken = try await fixture.broken()
                        #expect(broken.isEmpty, "\(broken)")
                    }
                    return 0
                }
                return try await group.reduce(0, +)
            }
            #expect(counted > 0)
            let stats = try await Self.stats(fixture)
            #expect(stats.tasks.values.reduce(0, +) == 180)
            #expect(stats.engines["local"]?.tokens == 5 * (stats.tasks[.completed] ?? 0))
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// What is there before there are figures is counted in by the migration; rows that go are taken off.
    @Test func countsWhatIsThereAndWhatGoes() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            try await fixture.accept(try (0..<3).map { _ in try StoreFixture.newTask() })
            try await fixture.run(try await fixture.admit(limit: 2), worker: worker, tokens: 5, cost: 2)
            let before = try await Self.stats(fixture)
            _ = try await fixture.database.execute("DELETE FROM project_counts")
            _ = try await fixture.database.execute("UPDATE project_count_changes SET number = 9")
            #expect(try await fixture.broken().map(\.law) == [.countsAreExact])
            #expect(try await fixture.broken().first?.ids == [fixture.project.id])
            _ = try await fixture.database.query("SELECT chorus_count_anew()") { _ in }
            let after = try await Self.stats(fixture)
            #expect(after.tasks == before.tasks.filter { $0.value != 0 } && after.engines == before.engines)
            #expect(try await fixture.broken().isEmpty)

            for table in ["results", "task_history", "tasks"] {
                _ = try await fixture.database.execute(PostgresQuery(unescaped: "DELETE FROM \(table)"))
            }
            let empty = try await Self.stats(fixture)
            #expect(empty.tasks.values.allSatisfy { $0 == 0 } && empty.engines["local"]?.tokens == 0)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// Rates are of whole minutes, and forgotten after an hour.
    @Test func tellsHowManyEndAMinute() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.database.execute(
                """
                INSERT INTO project_count_changes (project_id, subject, status, engine, made_at, number)
                SELECT \(fixture.project.id), 'task', 'completed', '', now() - ago * interval '1 minute', number
                FROM (VALUES (0, 50), (1, 10), (4, 20), (9, 30), (70, 99)) AS made (ago, number)
                """)
            for folds in [false, true] {
                if folds { #expect(try await fixture.store.foldCounts(limit: 100) == 5) }
                let stats = try await Self.stats(fixture)
                // A minute may begin between writing and reading.
                let rates = ProjectStats.windows.map { stats.rate(.completed, over: $0) }
                #expect(rates == [10, 6, 4] || rates[0] == 50, "\(rates)")
            }
            #expect(try await fixture.store.forgetMinutes(limit: 100) == 1)
            #expect(try await fixture.count("SELECT count(*) FROM project_counts WHERE subject = 'minute'") == 4)
        }
    }
}
