import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// The ledger of tasks that ask several engines.
@Suite(.timeLimit(.minutes(2))) struct StrategyLedgerTests {
    private struct Claimed {
        let fixture: StoreFixture
        let worker: UUID
        let task: ClaimedTask

        func results() async throws -> [ResultRecord] {
            try await fixture.store.results(taskID: task.id, limit: 50, after: nil).elements
        }

        func open(_ engines: [String], attempt: Int = 1, settling outcomes: [CallOutcome] = []) async throws -> [OpenCall]? {
            try await fixture.store.openCalls(
                taskID: task.id, attempt: attempt, workerID: worker, engines: engines, settling: outcomes)
        }

        func settle(_ calls: [CallOutcome]) async throws -> Set<UUID> {
            try await fixture.store.settle(
                [Settlement(taskID: task.id, attempt: 1, outcome: .completed(output: ["text": "x"]), calls: calls)], workerID: worker)
        }

        func verify() async throws -> [Law: Int] { try await fixture.store.verify(grace: .seconds(60)).counts }
    }

    private static func with(_ input: JSONValue, _ body: (Claimed) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            let task = try StoreFixture.newTask(input: input)
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let worker = try await fixture.makeWorker()
            let claim = try #require(try await fixture.store.claim([task.id], workerID: worker, fleetDefault: "local").first)
            try await body(Claimed(fixture: fixture, worker: worker, task: claim))
        }
    }

    private static let ensemble: JSONValue = ["prompt": "hi", "engines": ["local", "hosted"], "strategy": "ensemble"]

    private static func outcome(
        _ call: OpenCall?, _ status: ResultStatus = .completed, confidence: Double? = nil, isChosen: Bool? = nil
    ) throws -> CallOutcome {
        CallOutcome(
            resultID: try #require(call).resultID, status: status, output: ["text": "x"], processingTime: 5, tokenUsage: nil,
            confidence: confidence, isChosen: isChosen)
    }

    @Test func furtherCallsAreOpenedTogether() async throws {
        try await Self.with(Self.ensemble) { claimed in
            let opened = try #require(try await claimed.open(["hosted", "third", "fourth"]))
            #expect(opened.map(\.engine) == ["hosted", "third", "fourth"])
            #expect(try await claimed.results().map(\.status) == [.pending, .pending, .pending, .pending])
            #expect(Set(try await claimed.results().map(\.engine)) == ["local", "hosted", "third", "fourth"])
            #expect(try await claimed.verify() == [:])
            #expect(try await claimed.open(["late"], attempt: 2) == nil, "another claim's")
            #expect(try await claimed.results().count == 4)
        }
    }

    @Test func whatIsKnownIsWrittenAlong() async throws {
        try await Self.with(["prompt": "hi", "engines": ["local", "hosted"]]) { claimed in
            let second = try #require(
                try await claimed.open(["hosted"], settling: [try Self.outcome(claimed.task.call, .failed)])?.first)
            #expect(try await claimed.results().map(\.status) == [.failed, .pending])
            #expect(try await claimed.verify() == [:], "a fallback has one open call")
            let moved = try await claimed.settle([try Self.outcome(claimed.task.call, .failed), try Self.outcome(second, confidence: 0.5)])
            #expect(moved == [claimed.task.id])
            #expect(try await claimed.results().map(\.confidence) == [nil, 0.5])
            #expect(try await claimed.results().map(\.chosen) == [nil, nil])
            #expect(try await claimed.verify() == [:])
        }
    }

    /// The task is cancelled while its worker opens calls: they are not opened, or they are cancelled with it.
    @Test func aLostClaimOpensNothing() async throws {
        try await Self.with(Self.ensemble) { claimed in
            _ = try await claimed.fixture.store.move(claimed.task.id, .cancel, by: claimed.fixture.principal.userID)
            #expect(try await claimed.open(["hosted"]) == nil)
            #expect(try await claimed.results().map(\.status) == [.cancelled])
        }
    }

    /// Answers are written down before the judge is asked, and chosen after.
    @Test func aChoiceMayFollow() async throws {
        try await Self.with(["prompt": "hi", "engines": ["local", "hosted"], "strategy": "ensemble", "judge": "local"]) { claimed in
            let second = try await claimed.open(["hosted"])?.first
            let answers = [try Self.outcome(claimed.task.call, confidence: 0.9), try Self.outcome(second)]
            let judge = try await claimed.open(["local"], settling: answers)?.first
            #expect(try await claimed.results().map(\.status) == [.completed, .completed, .pending])
            #expect(try await claimed.verify() == [:], "the judge may be one of the engines")
            let moved = try await claimed.settle([
                try Self.outcome(claimed.task.call, confidence: 0.9, isChosen: false),
                try Self.outcome(second, confidence: 0.5, isChosen: true), try Self.outcome(judge),
            ])
            #expect(moved == [claimed.task.id])
            #expect(try await claimed.results().map(\.chosen) == [false, true, nil])
            #expect(try await claimed.results().map(\.confidence) == [0.9, 0.5, nil])
            #expect(try await claimed.verify() == [:])
        }
    }

    /// Two answers without a choice, with two choices, an answer alone that was passed over, a choice that is no answer.
    @Test(arguments: [[nil, nil], [true, true], [false, false], [nil, false]] as [[Bool?]])
    func exactlyOneIsChosen(choices: [Bool?]) async throws {
        try await Self.with(Self.ensemble) { claimed in
            let second = try await claimed.open(["hosted"])?.first
            _ = try await claimed.settle([
                try Self.outcome(claimed.task.call, isChosen: choices[0]), try Self.outcome(second, isChosen: choices[1]),
            ])
            #expect(try await claimed.verify() == [.completedOnce: 1])
        }
    }

    @Test func anAnswerAloneIsNotPassedOver() async throws {
        try await Self.with(Self.ensemble) { claimed in
            let second = try await claimed.open(["hosted"])?.first
            _ = try await claimed.settle([try Self.outcome(claimed.task.call, isChosen: false), try Self.outcome(second, .failed)])
            #expect(try await claimed.verify() == [.completedOnce: 1])
        }
    }

    @Test func onlyAnAnswerIsChosen() async throws {
        try await Self.with(Self.ensemble) { claimed in
            await #expect(throws: PostgresError.self) {
                _ = try await claimed.settle([try Self.outcome(claimed.task.call, .failed, isChosen: true)])
            }
        }
    }

    /// Where engines are not asked together, two open calls of one attempt are one too many, whoever they go to.
    @Test(arguments: [("fallback", 1), ("balance", 1), ("race", 0), ("ensemble", 0)])
    func openCallsAreAsManyAsTheStrategyAsks(strategy: String, faults: Int) async throws {
        for isProjects in [false, true] {
            try await Self.with(["prompt": "hi", "engine": "local"]) { claimed in
                let engines: JSONValue = ["engines": ["local", "hosted"], "strategy": .string(strategy)]
                let input: JSONValue = isProjects ? ["prompt": "hi"] : engines
                _ = try await claimed.fixture.database.execute(
                    "UPDATE tasks SET input_data = \(input.text)::text::jsonb WHERE task_id = \(claimed.task.id)")
                if isProjects {
                    _ = try await claimed.fixture.database.execute(
                        "UPDATE projects SET settings = \(engines.text)::text::jsonb WHERE project_id = \(claimed.task.projectID)")
                }
                _ = try #require(try await claimed.open(["hosted"]))
                #expect(try await claimed.verify()[.oneOpenCall, default: 0] == faults)
                _ = try #require(try await claimed.open(["hosted"]))
                #expect(try await claimed.verify()[.oneOpenCall] == 1, "each engine once")
            }
        }
    }
}
