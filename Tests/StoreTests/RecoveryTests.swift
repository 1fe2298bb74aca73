import Domain
import Foundation
import Logging
import Postgres
import Store
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct RecoveryTests {
    /// A claimed task, whose call is open, in a project with these settings.
    private static func claimedTask(
        _ fixture: StoreFixture, settings: JSONValue = [:], maxRetries: Int = 3
    ) async throws -> (task: UUID, worker: UUID) {
        let project = try await fixture.store.createProject(
            try StoreFixture.newProject("P \(UUID())", settings: settings), principal: fixture.principal)
        var task = try StoreFixture.newTask()
        task.maxRetries = maxRetries
        for outcome in await fixture.store.accept([
            Submission(projectID: project.id, userID: fixture.principal.userID, tasks: [task])
        ]) { _ = try outcome.get() }
        return (task.id, try await claim(task.id, of: project.id, fixture))
    }

    private static func claim(_ task: UUID, of project: UUID, _ fixture: StoreFixture) async throws -> UUID {
        _ = try await fixture.store.admit([AdmissionGrant(projectID: project, priority: 1, limit: 10)])
        let worker = try await fixture.makeWorker()
        #expect(try await fixture.store.claim([task], workerID: worker, fleetDefault: "local").count == 1)
        return worker
    }

    private static func history(_ task: UUID, _ fixture: StoreFixture) async throws -> [HistoryEntry] {
        try await fixture.store.history(taskID: task, limit: 100, after: nil).elements
    }

    @Test(arguments: [
        ("retry", TaskStatus.retrying, [TaskStatus.retrying]), ("hold", .paused, [.retrying, .paused]), ("fail", .failed, [.failed]),
    ])
    func theProjectDecidesWhatAnUnknownOutcomeMeans(policy: String, status: TaskStatus, moves: [TaskStatus]) async throws {
        try await StoreFixture.with { fixture in
            let (task, worker) = try await Self.claimedTask(fixture, settings: ["on_unknown": .string(policy)])
            try await fixture.loseWorker(worker)
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 1)
            #expect(try await fixture.status(task) == status)
            let history = try await Self.history(task, fixture)
            #expect(history.suffix(moves.count).map(\.to) == moves)
            #expect(history.last?.reason?.isEmpty == false)
            #expect(try await fixture.store.results(taskID: task, limit: 10, after: nil).elements.map(\.status) == [.unknown])
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 0)
        }
    }

    /// Where no call was open nothing was paid for: the task is tried again, whatever the project says.
    @Test func withoutAnOpenCallNothingIsUnknown() async throws {
        try await StoreFixture.with { fixture in
            let (task, worker) = try await Self.claimedTask(fixture, settings: ["on_unknown": "fail"])
            _ = try await fixture.database.execute("UPDATE results SET status = 'failed' WHERE task_id = \(task)")
            try await fixture.loseWorker(worker)
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 1)
            #expect(try await fixture.status(task) == .retrying)
        }
    }

    @Test func settingsAreChecked() throws {
        #expect(throws: Problem.self) { try StoreFixture.newProject("P", settings: ["on_unknown": "shrug"]) }
        #expect(try StoreFixture.newProject("P", settings: ["on_unknown": "hold"]).settings.onUnknown == .hold)
        #expect(ProjectSettings(stored: ["on_unknown": "fail"]).onUnknown == .fail)
    }

    @Test func aTaskThatKillsItsWorkersFails() async throws {
        try await StoreFixture.with { fixture in
            var (task, worker) = try await Self.claimedTask(fixture, maxRetries: 1)
            let record = try #require(try await fixture.store.task(task))
            for loss in 1...5 {
                try await fixture.loseWorker(worker)
                #expect(try await fixture.store.requeueOrphans(limit: 10) == 1)
                if loss < 5 {
                    #expect(try await fixture.status(task) == .retrying)
                    worker = try await Self.claim(task, of: record.projectID, fixture)
                }
            }
            let failed = try #require(try await fixture.store.task(task))
            #expect(failed.status == .failed)
            #expect(failed.errorMessage == "The worker that ran it was lost, 5 times in all: it is not tried again.")
            #expect(failed.completedAt != nil)
        }
    }

    @Test func findsTasksOfWorkersThatWereLostLongAgo() async throws {
        try await StoreFixture.with { fixture in
            let (first, worker) = try await Self.claimedTask(fixture)
            let (second, forgotten) = try await Self.claimedTask(fixture)
            let (third, _) = try await Self.claimedTask(fixture)
            _ = try await fixture.database.execute(
                "UPDATE workers SET status = 'lost', stopped_at = now() - interval '9 days' WHERE worker_id = \(worker)")
            _ = try await fixture.database.execute("DELETE FROM workers WHERE worker_id = \(forgotten)")
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 2)
            #expect(try await fixture.status(first) == .retrying)
            #expect(try await fixture.status(second) == .retrying)
            #expect(try await fixture.status(third) == .processing)
        }
    }

    @Test func aWorkerThatWasTakenForDeadClaimsNothing() async throws {
        try await StoreFixture.with { fixture in
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let worker = try await fixture.makeWorker()
            try await fixture.loseWorker(worker)
            #expect(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").isEmpty)
            #expect(try await fixture.status(task.id) == .inQueue)
        }
    }

    /// A server that has just come up, or forgot its sessions in crash recovery, says nothing about workers.
    @Test func aServerThatLostItsSessionsTakesNobodyForDead() async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            #expect(try await fixture.store.silentWorkers(lease: .zero).isEmpty, "nobody knows since when sessions are kept")
            #expect(try await fixture.store.silentWorkers(lease: .zero).map(\.id) == [worker])
            _ = try await fixture.database.execute("TRUNCATE server_sessions")
            #expect(try await fixture.store.markLost([worker], lease: .zero).isEmpty)
            #expect(try await fixture.store.silentWorkers(lease: .zero).isEmpty)
            #expect(try await fixture.store.silentWorkers(lease: .seconds(60)).isEmpty, "for one lease")
            #expect(try await fixture.store.markLost([worker], lease: .seconds(60)).isEmpty)
            #expect(try await fixture.store.markLost([worker], lease: .zero) == [worker])
        }
    }

    @Test func aSessionThatIsOpenedAnewTakesTheLockAgain() async throws {
        try await StoreFixture.with { fixture in
            let worker = WorkerIdentity(name: "w", host: "h", processID: 1, version: "0", concurrency: 1)
            let first = try await fixture.connect()
            try await first.perform { try Store.register(worker, on: $0) }
            #expect(try await Self.isSilent(worker, fixture) == false)
            await first.close()
            try await eventually("the lock is free") { try await Self.isSilent(worker, fixture) }
            let second = try await fixture.connect()
            let notifications = try await second.notifications()
            #expect(try await second.perform { try Store.retakeLock(worker, on: $0) })
            #expect(try await second.perform { try Store.heartbeat(worker, concurrency: worker.concurrency, on: $0) })
            #expect(try await Self.isSilent(worker, fixture) == false)
            // An administrator ends the session: the worker sees it without asking the server.
            let id = await second.backendID
            _ = try await fixture.database.query("SELECT pg_terminate_backend(\(id))") { try $0.decode(Bool.self) }
            for await _ in notifications {}
        }
    }

    /// Whether the worker holds no lock. Its lease is longer than the test, but the server may have started a moment ago.
    private static func isSilent(_ worker: WorkerIdentity, _ fixture: StoreFixture) async throws -> Bool {
        try await fixture.database.query(
            "SELECT pg_try_advisory_xact_lock(\(worker.lockKey))"
        ) { try $0.decode(Bool.self) }.first == true
    }
}
