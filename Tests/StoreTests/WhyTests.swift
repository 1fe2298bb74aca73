import Domain
import Foundation
import Postgres
import Store
import Testing

/// Why a task is not running: one reason, the true one.
@Suite(.timeLimit(.minutes(2))) struct WhyTests {
    private static func why(_ task: UUID, _ fixture: StoreFixture, broker: Bool = true) async throws -> TaskExplanation {
        var situation = try #require(try await fixture.store.situation(of: task))
        situation.takesBrokerMessages = broker
        return situation.explanation
    }

    private static func execute(_ statement: PostgresQuery, _ fixture: StoreFixture) async throws {
        _ = try await fixture.database.execute(statement)
    }

    @Test func followsATaskThroughItsLife() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<3).map { _ in try StoreFixture.newTask() }
            try await fixture.accept(tasks)
            let (first, last) = (tasks[0].id, tasks[2].id)
            #expect(try await Self.why(first, fixture).reason == .noWorker)
            let worker = try await fixture.makeWorker()
            #expect(try await Self.why(first, fixture, broker: false).reason == .brokerAway)
            #expect(try await Self.why(first, fixture).reason == .next)
            let behind = try await Self.why(last, fixture)
            #expect(behind.reason == .behindOthers && behind.facts["ahead"] == 2, "\(behind)")
            _ = try await fixture.admit(limit: 1)
            let queued = try await Self.why(first, fixture)
            #expect(queued.reason == .inQueue && queued.facts["since"]?.stringValue != nil)
            let claim = try #require(try await fixture.store.claim([first], workerID: worker, fleetDefault: "local").first)
            let running = try await Self.why(first, fixture)
            #expect(running.reason == .running && running.facts["worker_id"]?.stringValue == worker.text, "\(running)")
            _ = try await fixture.store.settle(
                [
                    Settlement(
                        taskID: first, attempt: claim.attempt,
                        outcome: .retrying(message: "HTTP 500", delay: .seconds(60), spendsRetry: true), calls: [])
                ], workerID: worker)
            let backoff = try await Self.why(first, fixture)
            #expect(backoff.reason == .backoff && backoff.detail.contains("HTTP 500"))
            let until = try #require(backoff.until)
            #expect((50...61).contains(until.timeIntervalSinceNow))
            _ = try await fixture.store.move(first, .pause, by: fixture.principal.userID, reason: "wait")
            let paused = try await Self.why(first, fixture)
            #expect(paused.reason == .paused && paused.detail.contains("owner@example.org") && paused.detail.contains("wait"), "\(paused)")
            _ = try await fixture.store.move(first, .cancel, by: fixture.principal.userID)
            #expect(try await Self.why(first, fixture).reason == .cancelled)
            #expect(try await fixture.store.situation(of: UUID()) == nil)
        }
    }

    @Test func endsAreReasonsToo() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            for (outcome, reason) in [
                (TaskOutcome.completed(output: ["text": "hi"]), TaskExplanation.Reason.completed), (.failed(message: "no"), .failed),
            ] {
                let task = try StoreFixture.newTask()
                try await fixture.accept([task])
                _ = try await fixture.admit()
                let claim = try #require(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").first)
                _ = try await fixture.store.settle(
                    [Settlement(taskID: task.id, attempt: claim.attempt, outcome: outcome, calls: [])], workerID: worker)
                #expect(try await Self.why(task.id, fixture).reason == reason)
            }
        }
    }

    @Test func namesWhatHoldsAProject() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.makeWorker()
            var later = try StoreFixture.newTask()
            later.availableAt = Date(timeIntervalSinceNow: 3_600)
            let task = try StoreFixture.newTask()
            try await fixture.accept([task, later])
            #expect(try await Self.why(later.id, fixture).reason == .notBefore)
            try await Self.execute("UPDATE projects SET settings = '{\"max_concurrency\": 1}'", fixture)
            let other = try StoreFixture.newTask(priority: 9)
            try await fixture.accept([other])
            _ = try await fixture.store.admit([AdmissionGrant(projectID: fixture.project.id, priority: 9, limit: 1, isCapped: true)])
            #expect(try await Self.why(task.id, fixture).reason == .projectCap)
            for (status, reason) in [
                ("paused", TaskExplanation.Reason.projectPaused), ("cancelled", .projectCancelled), ("archived", .projectArchived),
            ] {
                try await Self.execute("UPDATE projects SET status = \(status)", fixture)
                #expect(try await Self.why(task.id, fixture).reason == reason)
            }
        }
    }

    @Test func namesWhatHoldsAFamily() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.makeWorker()
            var family = try await Family(fixture)
            try await family.accept(Family.task("top", [Family.chat("one"), Family.chat("two"), Family.chat("late", order: 1)]))
            let top = try await Self.why(family["top"], fixture)
            #expect(top.reason == .waitingForChildren && top.facts["children"] == 3, "\(top)")
            #expect(try await Self.why(family["late"], fixture).reason == .waitingForStage)
            #expect(try await Self.why(family["one"], fixture).reason == .next)
        }
    }

    @Test func namesWhatHoldsAnEngine() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            let task = try StoreFixture.newTask(input: ["prompt": "hi", "engine": "local"])
            let other = try StoreFixture.newTask(input: ["prompt": "hi", "engine": "hosted"])
            try await fixture.accept([task, other])
            _ = try await fixture.store.closeGate(
                "local", workerID: worker, wasProbe: false, pause: .seconds(30), base: 1, reason: .rateLimited, message: "slow down")
            let closed = try await Self.why(task.id, fixture)
            #expect(closed.reason == .engineClosed && closed.detail.contains("slow down"), "\(closed)")
            #expect(closed.facts["engine"] == "local" && closed.facts["engine_reason"] == "rate_limited")
            #expect((20...31).contains(try #require(closed.until).timeIntervalSinceNow))
            #expect(try await Self.why(other.id, fixture).reason == .next, "another engine")
            try await Self.execute("UPDATE engine_gates SET closed_until = NULL, closed_reason = NULL", fixture)
            #expect(try await Self.why(task.id, fixture).reason == .next)
            try await Self.execute(
                "UPDATE engines SET definition = '{\"name\": \"local\", \"limits\": {\"requests_per_minute\": 6}}' WHERE name = 'local'",
                fixture)
            try await Self.execute("UPDATE engine_gates SET requests_until = now() + interval '9 seconds'", fixture)
            let limited = try await Self.why(task.id, fixture)
            #expect(limited.reason == .engineLimit && limited.detail.contains("6 requests a minute"), "\(limited)")
            #expect(limited.until != nil)
        }
    }
}
