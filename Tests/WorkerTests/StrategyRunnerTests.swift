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
    /// Three engines at a port where nobody listens, or with a secret that is missing.
    private static func with(secrets: [String: String] = [:], _ body: (RunnerSystem) async throws -> Void) async throws {
        let engines = try ["a", "b", "c"].map { name in
            EngineDefinition(
                name: name, baseURL: try EngineURL("http://127.0.0.1:1/v1"), model: "m",
                secret: secrets[name].flatMap(SecretReference.init))
        }
        try await RunnerSystem.with(engines, body)
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

extension RunnerSystem {
    fileprivate func claimed(_ strategy: Strategy, retries: Int = 3) async throws -> ClaimedTask {
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
    fileprivate func statuses(_ task: ClaimedTask) async throws -> [String: ResultStatus] {
        let rows = try await store.results(taskID: task.id, limit: 50, after: nil).elements
        return Dictionary(rows.map { ($0.engine, $0.status) }, uniquingKeysWith: { first, _ in first })
    }
}
