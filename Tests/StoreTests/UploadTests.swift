import Domain
import Foundation
import Postgres
import Store
import Synchronization
import Testing

/// Uploads: any number of batches in one transaction.
@Suite(.timeLimit(.minutes(2))) struct UploadTests {
    private struct BrokeOff: Error {}

    private static func upload(_ fixture: StoreFixture, parentIDs: [UUID] = []) -> Upload {
        Upload(projectID: fixture.project.id, userID: fixture.principal.userID, parentIDs: parentIDs)
    }

    private static func count(_ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query("SELECT count(*) FROM tasks") { try $0.decode(Int.self) }.first ?? -1
    }

    @Test func batchesAreAcceptedTogether() async throws {
        try await StoreFixture.with { fixture in
            let batches = try (0..<3).map { _ in try (0..<4).map { _ in try StoreFixture.newTask() } }
            let creation = try await fixture.store.accept(Self.upload(fixture)) { take in
                for batch in batches { try take(batch) }
            }
            guard case .made(let accepted) = creation else { throw Problem.notFound("upload") }
            #expect(accepted.taskIDs == batches.flatMap { $0.map(\.id) })
            #expect(accepted.taskCount == 12)
            #expect(try await fixture.admit().count == 12)
            #expect(try await fixture.store.verify(grace: .seconds(60)).counts == [:])
        }
    }

    @Test func anErrorTakesAllBack() async throws {
        try await StoreFixture.with { fixture in
            let batch = try (0..<4).map { _ in try StoreFixture.newTask() }
            await #expect(throws: BrokeOff.self) {
                _ = try await fixture.store.accept(Self.upload(fixture)) { take in
                    try take(batch)
                    throw BrokeOff()
                }
            }
            #expect(try await Self.count(fixture) == 0)
            _ = try await fixture.store.move(project: fixture.project.id, .cancel, by: fixture.principal.userID)
            let problem = await #expect(throws: Problem.self) { _ = try await fixture.store.accept(Self.upload(fixture)) { try $0(batch) } }
            #expect(problem?.status == 409)
        }
    }

    /// What a parent takes is counted over all batches, under its lock.
    @Test func parentsAreLockedOnce() async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await family.accept(Family.task("parent"))
            let parent = family["parent"]
            let children = try NewTask.list(
                reading: (0..<1_001).map { Family.chat("\($0)", parent: parent) }, knownEngines: EngineNames(["local"]))
            let upload = Self.upload(fixture, parentIDs: [parent])
            let problem = await #expect(throws: Problem.self) {
                _ = try await fixture.store.accept(upload) { take in
                    try take(Array(children[..<600]))
                    try take(Array(children[600...]))
                }
            }
            #expect(problem?.errors.map(\.pointer) == ["/1000/parent_task_id"])
            #expect(try await family.record("parent").childCount == 0)
            _ = try await fixture.store.accept(upload) { try $0(Array(children[..<600])) }
            #expect(try await family.record("parent").childCount == 600)
            try await family.verify()
        }
    }

    /// Before the commit nothing can have been stored, so the answer is no doubt.
    @Test func aLostConnectionBeforeTheCommitIsARefusal() async throws {
        try await StoreFixture.with { fixture in
            let batch = try [StoreFixture.newTask()]
            let turns = Mutex(0)
            let killer = try await fixture.connect()
            let (signals, signal) = AsyncStream<Void>.makeStream()
            let killed = DispatchSemaphore(value: 0)
            async let kill: Void = {
                for await _ in signals {
                    _ = try await killer.perform { connection in
                        try connection.query(
                            """
                            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'
                            """
                        ).map { try $0.decode(Bool.self) }
                    }
                    killed.signal()
                    break
                }
            }()
            let error = await #expect(throws: PostgresError.self) {
                _ = try await fixture.store.accept(Self.upload(fixture)) { take in
                    try take(batch)
                    turns.withLock { $0 += 1 }
                    signal.yield()
                    // On the connection's own thread, which may block.
                    #expect(killed.wait(timeout: .now() + 20) == .success)
                    try take([])
                }
            }
            try await kill
            await killer.close()
            #expect(error?.leavesOutcomeOpen == false && error?.isRetryable == true, "\(error.map { "\($0)" } ?? "")")
            #expect(turns.withLock { $0 } == 1)
            #expect(try await Self.count(fixture) == 0)
        }
    }
}
