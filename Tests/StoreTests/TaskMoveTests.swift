import Domain
import Foundation
import Logging
import Postgres
import Store
import Testing

/// What people do to tasks: every action in every status.
@Suite(.timeLimit(.minutes(2))) struct TaskMoveTests {
    @Test(arguments: TaskAction.allCases)
    func isForItsStatusesOnly(action: TaskAction) async throws {
        #expect(action.sources.allSatisfy { $0.canMove(to: action.target) })
        try await StoreFixture.with { fixture in
            for status in TaskStatus.allCases {
                let task = try await Self.task(in: status, fixture)
                let before = try await fixture.store.history(taskID: task, limit: 50, after: nil).elements
                if action.sources.contains(status) {
                    let moved = try await fixture.store.move(task, action, by: fixture.principal.userID)
                    #expect(moved.status == action.target, "\(action) from \(status)")
                    let last = try await fixture.store.history(taskID: task, limit: 50, after: nil).elements.last
                    #expect(last?.from == status && last?.to == action.target)
                    #expect(last?.changedBy == fixture.principal.userID)
                    #expect(last?.reason == action.reason)
                } else {
                    await #expect("\(action) from \(status)") {
                        try await fixture.store.move(task, action, by: fixture.principal.userID)
                    } throws: { error in
                        let problem = error as? Problem
                        return problem?.status == 409 && problem?.detail?.contains("is \(status.rawValue)") == true
                    }
                    #expect(try await fixture.status(task) == status)
                    #expect(try await fixture.store.history(taskID: task, limit: 50, after: nil).elements.count == before.count)
                }
            }
        }
    }

    static func task(in status: TaskStatus, _ fixture: StoreFixture) async throws -> UUID {
        let task = try StoreFixture.newTask()
        try await fixture.accept([task])
        for step in TaskLifeTests.path(to: status) { try await TaskLifeTests.move(task.id, to: step, fixture) }
        return task.id
    }

    @Test func whatIsNotThereDoesNotMove() async throws {
        try await StoreFixture.with { fixture in
            let task = try await Self.task(in: .pending, fixture)
            for action in TaskAction.allCases {
                await #expect("\(action)") { try await fixture.store.move(UUID(), action, by: fixture.principal.userID) } throws: {
                    ($0 as? Problem)?.status == 404
                }
            }
            let change = try TaskChange(reading: ["priority": 9])
            await #expect("PATCH") {
                try await fixture.store.change(UUID(), change, by: fixture.principal.userID)
            } throws: { ($0 as? Problem)?.status == 404 }
            #expect(try await fixture.status(task) == .pending)
        }
    }

    @Test func keepsThePersonsReason() async throws {
        try await StoreFixture.with { fixture in
            let task = try await Self.task(in: .pending, fixture)
            _ = try await fixture.store.move(task, .cancel, by: fixture.principal.userID, reason: "Not needed.")
            #expect(try await fixture.store.history(taskID: task, limit: 9, after: nil).elements.last?.reason == "Not needed.")
        }
    }

    @Test func aRetryBeginsAnew() async throws {
        try await StoreFixture.with { fixture in
            let task = try await Self.task(in: .failed, fixture)
            _ = try await fixture.database.execute(
                "UPDATE tasks SET retry_count = 3, error_message = 'no', deadline = now() - interval '1 hour' WHERE task_id = \(task)")
            let again = try await fixture.store.move(task, .retry, by: fixture.principal.userID)
            #expect(again.retryCount == 0 && again.errorMessage == nil && again.deadline == nil && again.completedAt == nil)
            #expect(try await fixture.admit().map(\.id) == [task])
        }
    }

    @Test(arguments: TaskStatus.allCases)
    func isChangedWhileItWaits(status: TaskStatus) async throws {
        try await StoreFixture.with { fixture in
            let task = try await Self.task(in: status, fixture)
            let change = try TaskChange(reading: ["priority": 8, "deadline": "2040-01-01T00:00:00Z", "metadata": ["a": 1]])
            if [.pending, .inQueue, .retrying, .paused].contains(status) {
                let changed = try await fixture.store.change(task, change, by: fixture.principal.userID)
                #expect(changed.priority == 8 && changed.deadline != nil && changed.metadata == ["a": 1])
                // Its lane was decided by the old priority.
                #expect(changed.status == (status == .inQueue ? .pending : status))
                let cleared = try await fixture.store.change(
                    task, try TaskChange(reading: ["deadline": nil, "metadata": nil]), by: fixture.principal.userID)
                #expect(cleared.priority == 8 && cleared.deadline == nil && cleared.metadata == nil)
            } else {
                await #expect("\(status)") {
                    try await fixture.store.change(task, change, by: fixture.principal.userID)
                } throws: { ($0 as? Problem)?.status == 409 }
            }
        }
    }

    /// The worker is told in the transaction that cancels, on its own channel; and the claim it held is known as lost.
    @Test func theWorkerOfARunningTaskIsTold() async throws {
        try await StoreFixture.with { fixture in
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let worker = WorkerIdentity(name: "w", host: "h", processID: 1, version: "0", concurrency: 1)
            let session = try await PostgresConnection.connect(fixture.database.configuration, logger: Logger(label: "test"))
            let notifications = try await session.notifications()
            try await session.perform { try Store.register(worker, on: $0) }
            let claimed = try await fixture.store.claim([task.id], workerID: worker.id, fleetDefault: "local").first
            let call = try #require(claimed?.call)
            let claim = TaskClaim(taskID: task.id, attempt: 1)
            #expect(try await session.perform { try Store.lostClaims([claim], of: worker.id, on: $0) } == [])
            _ = try await fixture.store.move(task.id, .cancel, by: fixture.principal.userID)
            let heard = await notifications.first { _ in true }
            #expect(heard?.channel == worker.channel && heard?.payload == task.id.text)
            #expect(try await session.perform { try Store.lostClaims([claim], of: worker.id, on: $0) } == [claim])
            #expect(try await fixture.store.results(taskID: task.id, limit: 9, after: nil).elements.map(\.status) == [.cancelled])
            // The worker's word comes late: the task stays cancelled, and the ledger says what was spent.
            let spent = CallOutcome(
                resultID: call.resultID, status: .completed, output: ["text": "late"], processingTime: 7, tokenUsage: ["total_tokens": 3])
            let late = try await fixture.store.settle(
                [Settlement(taskID: task.id, attempt: 1, outcome: .completed(output: ["text": "late"]), calls: [spent])],
                workerID: worker.id)
            #expect(late.isEmpty)
            #expect(try await fixture.status(task.id) == .cancelled)
            let results = try await fixture.store.results(taskID: task.id, limit: 9, after: nil).elements
            #expect(results.map(\.tokenUsage) == [["total_tokens": 3]])
            await session.close()
        }
    }

    // MARK: Deadlines

    @Test func whatIsTooLateFails() async throws {
        try await StoreFixture.with { fixture in
            var expected: [UUID: TaskStatus] = [:]
            for status in TaskStatus.allCases {
                let task = try await Self.task(in: status, fixture)
                _ = try await fixture.database.execute("UPDATE tasks SET deadline = now() - interval '1 s' WHERE task_id = \(task)")
                expected[task] = [.pending, .inQueue, .retrying, .paused].contains(status) ? .failed : status
            }
            let onTime = try await Self.task(in: .pending, fixture)
            _ = try await fixture.database.execute("UPDATE tasks SET deadline = now() + interval '1 h' WHERE task_id = \(onTime)")
            expected[onTime] = .pending
            #expect(try await fixture.store.chores() == (deadlines: true, families: false, parked: false))
            #expect(try await fixture.store.expireWaiting(limit: 3) == 3)
            #expect(try await fixture.store.expireWaiting(limit: 3) == 1)
            #expect(try await fixture.store.chores() == (deadlines: false, families: false, parked: false))
            for (task, status) in expected { #expect(try await fixture.status(task) == status) }
            let failed = expected.keys.filter { expected[$0] == .failed }
            let reasons = try await fixture.database.query(
                "SELECT count(*) FROM tasks WHERE error_message = \(Store.deadlinePassed) AND completed_at IS NOT NULL"
            ) { try $0.decode(Int.self) }
            #expect(reasons == [failed.count - 1], "all but the one that had failed before")
        }
    }

    @Test func aClaimRefusesWhatIsTooLate() async throws {
        try await StoreFixture.with { fixture in
            let task = try await Self.task(in: .inQueue, fixture)
            _ = try await fixture.database.execute("UPDATE tasks SET deadline = now() - interval '1 s' WHERE task_id = \(task)")
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.claim([task], workerID: worker, fleetDefault: "local").isEmpty)
            #expect(try await fixture.store.task(task)?.errorMessage == Store.deadlinePassed)
            #expect(try await fixture.store.results(taskID: task, limit: 1, after: nil).elements.isEmpty, "no call was opened")
        }
    }
}
