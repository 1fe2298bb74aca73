import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Postgres
import Store
import TestSupport
import Testing

@testable import Operations

/// A budget of tokens in a real fleet.
@Suite(.serialized, .timeLimit(.minutes(3))) struct QuotaEndToEndTests {
    /// Four workers, one of which is killed: at no moment more than the budget is used, in the end nothing that fits is left, and a raise
    /// lets the rest run.
    ///
    /// A task may use 14 tokens, and does use 7: 70 of them use 490 of 500, and none of 14 fits into what is left.
    @Test func aBudgetIsNeverPassedAndARaiseGoesOn() async throws {
        try await EngineFarm.with(
            ["choir": ["--latency", "60ms"]], settings: ["budget": ["tokens": 500, "cost_micros": 1_000_000, "tasks": 200]]
        ) { farm in
            let fleet = farm.fleet
            var workers: [ChildProcess] = []
            for _ in 0..<4 { workers.append(try await farm.startWorker()) }
            let task: JSONValue = ["task_type": "chat", "input_data": ["prompt": "halleluja halleluja", "max_tokens": 10]]
            let path = "/v1/projects/\(farm.project)"
            let (accepted, _) = try await fleet.request(.post, "\(path)/tasks", .array(Array(repeating: task, count: 200)))
            #expect(accepted.status == .created)
            let (refused, problem) = try await fleet.request(.post, "\(path)/tasks", task)
            #expect(refused.status == .tooManyRequests && problem["quota"]?["quota_type"] == "tasks", "\(problem)")

            var isKilled = false
            try await eventually("what fits is used", within: .seconds(60), every: .milliseconds(50)) {
                let budget = try await fleet.request(.get, "\(path)/stats").1["budget"]?.arrayValue ?? []
                let tokens = try #require(budget.first { $0["quota_type"] == "tokens" })
                let (used, reserved) = (tokens["current_usage"]?.intValue ?? 0, tokens["reserved"]?.intValue ?? 0)
                #expect(used + reserved <= 500, "\(tokens)")
                if used > 100, !isKilled, let worker = workers.popLast() {
                    isKilled = true
                    kill(worker.pid, SIGKILL)
                }
                return try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'paused'") == 130
            }
            #expect(isKilled)
            #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 70)
            #expect(try await fleet.count("SELECT sum(chorus_tokens(token_usage))::bigint FROM results") == 490)
            let paused = try await fleet.request(.get, "\(path)/tasks?status=paused&limit=1").1["data"]?[0]?["task_id"]?.stringValue
            let (_, why) = try await fleet.request(.get, "/v1/tasks/\(try #require(paused))/why")
            #expect(why["reason"] == "budget" && why["until"]?.stringValue != nil && why["current_usage"] == 490, "\(why)")
            let clean = try await fleet.verify()
            #expect(clean.0 == .exited(0), "\(clean.1)")

            let raise: JSONValue = ["settings": ["budget": ["tokens": 5_000]]]
            #expect(try await fleet.request(.patch, path, raise).0.status == .ok)
            try await eventually("the rest runs", within: .seconds(60), every: .milliseconds(100)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 200
            }
            #expect(try await fleet.count("SELECT current_usage FROM usage_quotas WHERE quota_type = 'tokens'") == 1_400)
            let end = try await fleet.verify()
            #expect(end.0 == .exited(0), "\(end.1)")
            for worker in workers { await worker.terminate(grace: .seconds(10)) }
        }
    }
}
