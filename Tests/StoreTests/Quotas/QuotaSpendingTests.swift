import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// Tokens and cost: reserved when tasks are admitted, charged when calls are recorded, never more than the limit.
@Suite(.timeLimit(.minutes(2))) struct QuotaSpendingTests {
    /// A task that may use 10 tokens: 8 bytes of text, and an answer of 8.
    private static let input: JSONValue = ["prompt": "12345678", "max_tokens": 8]

    private static func setUp(_ limit: Int, tasks: Int, _ fixture: StoreFixture, type: QuotaType = .tokens) async throws -> UUID {
        _ = try await fixture.store.setQuota(type, limit: limit, of: fixture.principal.userID)
        if tasks > 0 { _ = try await fixture.submit(tasks, input: input).get() }
        return try await fixture.makeWorker()
    }

    @Test func admitsWhatFitsAndParksWhatCannot() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await Self.setUp(35, tasks: 6, fixture)
            let first = try await fixture.admitAll()
            #expect(first.tasks.count == 3 && first.parked == 0 && first.waiting == [fixture.project.id])
            #expect(try await fixture.quota(.tokens)?.reserved == 30)
            #expect(try await fixture.admitAll().tasks.isEmpty)

            // Less than was reserved: there is room for another one.
            try await fixture.run(Array(first.tasks.prefix(1)), worker: worker, tokens: 4)
            var quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 4 && quota.reserved == 20 && quota.remaining == 11)
            let second = try await fixture.admitAll()
            #expect(second.tasks.count == 1 && second.parked == 0)

            // All that run use what they may: 34 of 35 are gone, and nothing of 10 fits any more.
            try await fixture.run(Array(first.tasks.dropFirst()) + second.tasks, worker: worker, tokens: 10)
            quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 34 && quota.reserved == 0)
            let last = try await fixture.admitAll()
            #expect(last.tasks.isEmpty && last.parked == 2 && last.waiting.isEmpty)
            #expect(try await fixture.store.taskCounts(projectID: fixture.project.id).first { $0.status == .paused }?.count == 2)
            #expect(try await fixture.store.resumeParked(from: nil).resumed == 0)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// Four dispatchers and workers at once, each call using what it may: to the unit.
    @Test func aLimitHoldsAgainstManyDispatchers() async throws {
        try await StoreFixture.with { fixture in
            _ = try await Self.setUp(205, tasks: 40, fixture)
            let other = try await fixture.makeProject("Other", budget: ["tokens": 55])
            _ = try await fixture.submit(20, to: other, input: Self.input).get()
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    let worker = try await fixture.makeWorker()
                    group.addTask {
                        var idle = 0
                        while idle < 3 {
                            let outcome = try await fixture.admitAll(limit: 3)
                            let quotas = try await fixture.store.quotas(of: fixture.principal.userID)
                            #expect(quotas.allSatisfy { $0.used + $0.reserved <= $0.limit }, "\(quotas)")
                            try await fixture.run(outcome.tasks, worker: worker, tokens: 10)
                            idle = outcome.tasks.isEmpty && outcome.parked == 0 ? idle + 1 : 0
                        }
                    }
                }
                try await group.waitForAll()
            }
            while true {
                let outcome = try await fixture.admitAll()
                if outcome.tasks.isEmpty && outcome.parked == 0 { break }
                try await fixture.run(outcome.tasks, worker: try await fixture.makeWorker(), tokens: 10)
            }
            #expect(try await fixture.quota(.tokens)?.used == 200)
            let budget = try #require(try await fixture.store.budget(of: other).first)
            #expect(budget.used <= 50 && budget.reserved == 0)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE status = 'paused' AND is_over_budget") == 40)
            #expect(try await fixture.count("SELECT sum(chorus_tokens(token_usage))::bigint FROM results") == 200)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// What a lost, a failed and a cancelled call used is charged, once; what they had reserved is free.
    @Test func everyEndIsCharged() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await Self.setUp(1_000, tasks: 4, fixture)
            let admitted = try await fixture.admitAll().tasks
            let claimed = try await fixture.store.claim(admitted.map(\.id), workerID: worker, fleetDefault: "local")
            let calls = try claimed.map { try #require($0.call) }
            #expect(try await fixture.quota(.tokens)?.reserved == 40)
            let failed = Settlement(
                taskID: claimed[0].id, attempt: 1, outcome: .failed(message: "no"), calls: [.answered(calls[0], .failed, tokens: 3)])
            #expect(try await fixture.store.settle([failed], workerID: worker) == [claimed[0].id])
            _ = try await fixture.store.move(claimed[1].id, .cancel, by: fixture.principal.userID)
            var quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 3 && quota.reserved == 20)
            // The worker's last word on the call that was stopped, twice.
            let stopped = Settlement(
                taskID: claimed[1].id, attempt: 1, outcome: .failed(message: "stopped"),
                calls: [.answered(calls[1], .cancelled, tokens: 5)])
            for _ in 0..<2 { #expect(try await fixture.store.settle([stopped], workerID: worker).isEmpty) }
            #expect(try await fixture.quota(.tokens)?.used == 8)

            try await fixture.loseWorker(worker)
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 2)
            quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 8 && quota.reserved == 0, "nobody knows what they used")
            let again = try await fixture.admitAll()
            #expect(again.tasks.count == 2)
            // The journal of the lost worker tells what its call used, when the task runs elsewhere.
            let late = Settlement(
                taskID: claimed[2].id, attempt: 1, outcome: .completed(output: ["text": "late"]), calls: [.answered(calls[2], tokens: 7)])
            for _ in 0..<2 { #expect(try await fixture.store.settle([late], workerID: worker).isEmpty) }
            quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 15 && quota.reserved == 20)
            try await fixture.run(again.tasks, worker: try await fixture.makeWorker(), tokens: 10)
            quota = try #require(try await fixture.quota(.tokens))
            #expect(quota.used == 35 && quota.reserved == 0)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// A raise, a reset and the end of the quota let tasks go on; a task that a person paused stays paused.
    @Test func parkedTasksGoOn() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await Self.setUp(10, tasks: 4, fixture)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 10)
            #expect(try await fixture.admitAll().parked == 3)
            let parked = try await fixture.database.query("SELECT task_id FROM tasks WHERE is_over_budget ORDER BY task_id") {
                try $0.decode(UUID.self)
            }
            let history = try await fixture.store.history(taskID: parked[0], limit: 10, after: nil).elements
            #expect(history.last?.to == .paused && history.last?.reason == "Its budget has run out.")
            #expect(try await fixture.store.chores().parked)

            _ = try await fixture.store.setQuota(.tokens, limit: 25, of: fixture.principal.userID)
            #expect(try await fixture.store.resumeParked(from: nil).resumed == 1)
            #expect(try await fixture.status(parked[0]) == .pending)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 10)
            #expect(try await fixture.store.resumeParked(from: nil).resumed == 0)

            // A person takes one out of the budget's hands: it is parked anew, or stays as they left it.
            _ = try await fixture.store.move(parked[1], .resume, by: fixture.principal.userID)
            #expect(try await fixture.admitAll().parked == 1)
            _ = try await fixture.store.move(parked[1], .resume, by: fixture.principal.userID)
            _ = try await fixture.store.move(parked[1], .pause, by: fixture.principal.userID)

            _ = try await fixture.database.execute("UPDATE usage_quotas SET reset_date = current_date")
            #expect(try await fixture.store.resumeParked(from: nil).resumed == 1)
            #expect(try await fixture.status(parked[1]) == .paused)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 10)
            #expect(try await fixture.quota(.tokens)?.used == 10)
            #expect(try await fixture.broken().isEmpty)

            _ = try await fixture.submit(2, input: Self.input).get()
            _ = try await fixture.store.setQuota(.tokens, limit: 11, of: fixture.principal.userID)
            #expect(try await fixture.admitAll().parked == 2)
            try await fixture.store.dropQuota(.tokens, of: fixture.principal.userID)
            #expect(try await fixture.store.resumeParked(from: nil).resumed == 2)
            #expect(try await !fixture.store.chores().parked)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// What a task may cost is its tokens at the dearest price that it may pay.
    @Test func costIsReservedAtThePriceOfTheEngine() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.applyEngines([
                EngineRow(
                    name: "local", type: "openai",
                    definition: ["name": "local", "price": ["prompt_per_million": 1, "completion_per_million": 2.5]]),
                EngineRow(
                    name: "hosted", type: "openai",
                    definition: ["name": "hosted", "price": ["prompt_per_million": 30, "completion_per_million": 20]]),
            ])
            let worker = try await Self.setUp(1_000, tasks: 0, fixture, type: .costMicros)
            for (input, cost): (JSONValue, Int) in [
                (Self.input, 25), (["prompt": "12345678", "max_tokens": 8, "engine": "hosted"], 300),
                (["prompt": "12345678", "max_tokens": 8, "engines": ["local", "hosted"]], 300),
                (["prompt": "12345678", "max_tokens": 8, "engines": ["local", "hosted"], "strategy": "race"], 600),
            ] {
                _ = try await fixture.submit(1, input: input).get()
                let outcome = try await fixture.admitAll()
                #expect(outcome.tasks.count == 1)
                #expect(try await fixture.quota(.costMicros)?.reserved == cost, "\(input)")
                try await fixture.run(outcome.tasks, worker: worker, tokens: 1, cost: 20)
            }
            #expect(try await fixture.quota(.costMicros)?.used == 80)
            #expect(try await fixture.broken().isEmpty)
        }
    }

    /// An account whose tokens are used up is refused at the door.
    @Test func whatIsUsedUpIsRefusedAtAcceptance() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await Self.setUp(10, tasks: 1, fixture)
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 10)
            guard case .failure(let error) = await fixture.submit(1), let problem = error as? Problem else {
                Issue.record("it was accepted")
                return
            }
            #expect(problem.status == 429 && problem.quota?.quota.type == .tokens)
        }
    }

    @Test func saysWhyATaskWaits() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await Self.setUp(15, tasks: 2, fixture)
            let admitted = try await fixture.admitAll().tasks
            let waiting = try #require(
                try await fixture.database.query("SELECT task_id FROM tasks WHERE status = 'pending'") { try $0.decode(UUID.self) }.first)
            func why() async throws -> TaskExplanation { try #require(try await fixture.store.situation(of: waiting)).explanation }
            let held = try await why()
            #expect(held.reason == .budget && held.until == nil && held.facts["reserved"] == 10, "\(held)")
            try await fixture.run(admitted, worker: worker, tokens: 10)
            _ = try await fixture.admitAll()
            let parked = try await why()
            #expect(parked.reason == .budget && parked.status == .paused && parked.facts["quota_type"] == "tokens", "\(parked)")
            #expect(parked.until == (try await fixture.quota(.tokens))?.resetsAt)
            _ = try await fixture.store.setQuota(.tokens, limit: 20, of: fixture.principal.userID)
            let raised = try await why()
            #expect(raised.reason == .budget && raised.until == nil, "\(raised)")
            _ = try await fixture.store.resumeParked(from: nil)
            let next = try await why()
            #expect(next.reason == .next, "\(next)")
        }
    }
}
