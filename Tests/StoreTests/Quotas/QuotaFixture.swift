import Domain
import Foundation
import Operations
import Postgres
import Store

extension StoreFixture {
    /// Hands in `count` tasks as one request.
    func submit(_ count: Int, to project: UUID? = nil, input: JSONValue = ["prompt": "hi"]) async -> Result<Acceptance, any Error> {
        let tasks = (0..<count).compactMap { _ in try? StoreFixture.newTask(input: input) }
        let submission = Submission(projectID: project ?? self.project.id, userID: principal.userID, tasks: tasks)
        return await store.accept([submission]).first ?? .failure(CancellationError())
    }

    func makeProject(_ name: String, budget: JSONValue) async throws -> UUID {
        try await store.createProject(try Self.newProject(name, settings: ["budget": budget]), principal: principal).id
    }

    /// Grants as the dispatcher makes them of what it sees.
    func admitAll(limit: Int = 1_000) async throws -> AdmissionOutcome {
        let entries = try await store.backlog(from: nil, limit: 1_000).entries
        return try await store.admit(
            entries.map { entry in
                AdmissionGrant(
                    projectID: entry.projectID, priority: entry.priority, engine: entry.engine, limit: limit,
                    isCapped: entry.allowance != nil, isMetered: entry.isMetered)
            })
    }

    /// Runs tasks that were admitted: each call uses `tokens`.
    func run(_ tasks: [AdmittedTask], worker: UUID, tokens: Int, cost: Int = 0) async throws {
        let claimed = try await store.claim(tasks.map(\.id), workerID: worker, fleetDefault: "local")
        _ = try await store.settle(
            claimed.map { task in
                Settlement(
                    taskID: task.id, attempt: task.attempt, outcome: .completed(output: ["text": "hi"]),
                    calls: task.call.map { [.answered($0, tokens: tokens, cost: cost)] } ?? [])
            }, workerID: worker)
    }

    func quota(_ type: QuotaType) async throws -> Quota? { try await store.quotas(of: principal.userID).first { $0.type == type } }

    func count(_ query: PostgresQuery) async throws -> Int { try await database.query(query) { try $0.decode(Int.self) }.first ?? -1 }

    /// What breaks the laws; empty where all hold.
    func broken() async throws -> [VerificationReport.Finding] {
        try await Verification(store: store, partitioning: .standard, grace: .seconds(60), depths: nil).run().broken
    }
}

extension CallOutcome {
    static func answered(_ call: OpenCall, _ status: ResultStatus = .completed, tokens: Int, cost: Int = 0) -> CallOutcome {
        CallOutcome(
            resultID: call.resultID, status: status, output: ["text": "hi"], processingTime: 1,
            tokenUsage: [
                "prompt_tokens": 0, "completion_tokens": .number(JSONNumber(tokens)), "total_tokens": .number(JSONNumber(tokens)),
                "cost_micro_usd": .number(JSONNumber(cost)),
            ])
    }
}
