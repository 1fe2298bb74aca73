import Domain
import Engines
import Foundation
import Logging
import NIOURLSession
import Postgres
import Store
import TestSupport
import Testing

@testable import Worker

/// What a worker does where engines cannot be asked, over a real database. What it does where they answer: `EndToEndTests/StrategyTests`.
@Suite(.timeLimit(.minutes(2))) struct StrategyRunnerTests {
    private struct System {
        let store: Store
        let runner: TaskRunner
        let worker: UUID
        let user: UUID
        let project: UUID

        func claimed(_ strategy: Strategy, retries: Int = 3) async throws -> ClaimedTask {
            let task = try NewTask(
                reading: [
                    "task_type": "chat", "max_retries": .number(JSONNumber(retries)),
                    "input_data": ["prompt": "hi", "engines": ["a", "b", "c"], "strategy": .string(strategy.rawValue)],
                ], knownEngines: EngineNames(["a", "b", "c"]))
            for outcome in await store.accept([Submission(projectID: project, userID: user, tasks: [task])]) { _ = try outcome.get() }
            _ = try await store.admit([AdmissionGrant(projectID: project, priority: 1, engine: task.engine, limit: 100)])
            return try #require(try await store.claim([task.id], workerID: worker, fleetDefault: "a").first)
        }

        /// The statuses of its calls, by engine.
        func statuses(_ task: ClaimedTask) async throws -> [String: ResultStatus] {
            let rows = try await store.results(taskID: task.id, limit: 50, after: nil).elements
            return Dictionary(rows.map { ($0.engine, $0.status) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Three engines at a port where nobody listens, or with a secret that is missing.
    private static func with(secrets: [String: String] = [:], _ body: (System) async throws -> Void) async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let made = try await TestDatabase.make("strategies")
        let database = PostgresClient(configuration: try PostgresConfiguration(url: made.url), logger: logger)
        let session = NIOURLSession(logger: logger)
        do {
            _ = try await Migrator(database).migrate()
            let store = Store(database)
            let user = try await store.createAccount(
                email: "o@example.org", password: try PasswordHash(password: "correct horse"), fullName: nil)
            let key = try await store.createKey(userID: user, name: "test")
            let project = try await store.createProject(
                try NewProject(reading: ["project_name": "P"], knownEngines: EngineNames(["a"])),
                principal: Principal(userID: user, keyID: key.id))
            let worker = UUID.v7()
            _ = try await database.execute(
                """
                INSERT INTO workers (worker_id, name, host, process_id, version, concurrency, lock_key)
                VALUES (\(worker), 'w', 'h', 1, '0', 1, 1)
                """)
            let engines = EngineRegistry(session: session)
            engines.replace(
                with: try ["a", "b", "c"].map { name in
                    EngineDefinition(
                        name: name, baseURL: try EngineURL("http://127.0.0.1:1/v1"), model: "m",
                        secret: secrets[name].flatMap(SecretReference.init))
                })
            let runner = TaskRunner(
                engines: engines, store: store, gates: EngineGates(store: store, logger: logger) { worker },
                policy: OutcomePolicy(backoff: .standard), logger: logger)
            try await body(System(store: store, runner: runner, worker: worker, user: user, project: project.id))
        } catch {
            await session.shutdown()
            await database.close()
            throw error
        }
        await session.shutdown()
        await database.close()
        try await made.drop()
    }

    @Test(arguments: Strategy.allCases)
    func everyEngineIsAskedBeforeATaskIsTriedAgain(strategy: Strategy) async throws {
        try await Self.with { system in
            let claim = try await system.claimed(strategy, retries: 0)
            let settlement = await system.runner.run(claim, workerID: system.worker)
            guard case .retrying(_, _, let spendsRetry) = settlement.outcome else { return #expect(Bool(false), "\(settlement.outcome)") }
            #expect(!spendsRetry, "no engine did anything")
            #expect(settlement.calls.count == 3 && Set(settlement.calls.map(\.resultID)).count == 3)
            #expect(try await system.store.settle([settlement], workerID: system.worker) == [claim.id])
            #expect(try await system.statuses(claim) == ["a": .failed, "b": .failed, "c": .failed])
        }
    }

    /// While its other rows were opened the task went to somebody else: nothing is asked, and the row that is open is closed.
    @Test(arguments: Strategy.allCases)
    func aLostClaimAsksNobody(strategy: Strategy) async throws {
        try await Self.with { system in
            let claim = try await system.claimed(strategy)
            _ = try await system.store.move(claim.id, .cancel, by: system.user)
            let settlement = await system.runner.run(claim, workerID: system.worker)
            #expect(try await system.store.settle([settlement], workerID: system.worker).isEmpty)
            let expected: [String: ResultStatus] =
                switch strategy {
                case .balance: [:]
                // Its first call needs no look at the database; the next one is not made.
                case .fallback: ["a": .failed]
                case .race, .ensemble: ["a": .cancelled]
                }
            #expect(try await system.statuses(claim) == expected)
        }
    }

    @Test func aTaskThatIsStoppedIsHandedBack() async throws {
        try await Self.with { system in
            for strategy in Strategy.allCases {
                let claim = try await system.claimed(strategy)
                let running = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await system.runner.run(claim, workerID: system.worker)
                }
                let settlement = await running.value
                guard case .retrying(_, .zero, false) = settlement.outcome else {
                    return #expect(Bool(false), "\(strategy): \(settlement.outcome)")
                }
                #expect(try await system.store.settle([settlement], workerID: system.worker) == [claim.id])
                #expect(try await system.statuses(claim).values.allSatisfy { $0 == .cancelled || $0 == .failed }, "\(strategy)")
            }
        }
    }

    /// An engine that this worker has no secret for is asked last.
    @Test func balanceLeavesOutWhatCannotBeUsed() async throws {
        try await Self.with(secrets: ["a": "env:NOT_SET_ANYWHERE_1", "b": "env:NOT_SET_ANYWHERE_2"]) { system in
            let claim = try await system.claimed(.balance)
            let settlement = await system.runner.run(claim, workerID: system.worker)
            #expect(try await system.store.settle([settlement], workerID: system.worker) == [claim.id])
            let rows = try await system.store.results(taskID: claim.id, limit: 10, after: nil).elements
            #expect(rows.map(\.engine) == ["c", "a", "b"])
            guard case .retrying = settlement.outcome else { return #expect(Bool(false), "the one that may do better decides") }
        }
    }
}
