import Domain
import Foundation
import Operations
import Postgres
import Store
import Testing

/// Tasks with names, so that a test can speak of them.
struct Family: Sendable {
    let fixture: StoreFixture
    let worker: UUID
    private(set) var ids: [String: UUID] = [:]

    init(_ fixture: StoreFixture) async throws {
        self.fixture = fixture
        worker = try await fixture.makeWorker()
    }

    /// A family in a database of its own, of which every law must hold in the end.
    static func with(_ body: (inout Family) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await body(&family)
            try await family.verify()
        }
    }

    /// A task as callers write it: `name` goes into its metadata, and `group` is the default.
    static func task(
        _ name: String, type: String = "group", order: Int? = nil, onChildFailure: String? = nil, parent: UUID? = nil,
        _ children: [JSONValue]? = nil
    ) -> JSONValue {
        var task: JSONObject = ["task_type": .string(type), "metadata": ["name": .string(name)]]
        if type == "chat" { task["input_data"] = ["prompt": "hi"] }
        if let order { task["execution_order"] = .number(JSONNumber(order)) }
        if let onChildFailure { task["on_child_failure"] = .string(onChildFailure) }
        if let parent { task["parent_task_id"] = .string(parent.text) }
        if let children { task["children"] = .array(children) }
        return .object(task)
    }

    static func chat(_ name: String, order: Int? = nil, parent: UUID? = nil) -> JSONValue {
        task(name, type: "chat", order: order, parent: parent)
    }

    /// Hands tasks in, in one submission.
    mutating func accept(_ tasks: JSONValue...) async throws {
        let read = try NewTask.list(reading: tasks, knownEngines: EngineNames(["local"]))
        for task in read.flatMap(\.family) { ids[task.metadata?["name"]?.stringValue ?? ""] = task.id }
        try await fixture.accept(read)
    }

    subscript(name: String) -> UUID { ids[name] ?? UUID() }

    func record(_ name: String) async throws -> TaskRecord {
        try #require(try await fixture.store.task(self[name]))
    }

    func statuses(_ names: String...) async throws -> [TaskStatus] {
        var statuses: [TaskStatus] = []
        for name in names { statuses.append(try await record(name).status) }
        return statuses
    }

    func reasons(_ name: String) async throws -> [String?] {
        try await fixture.store.history(taskID: self[name], limit: 100, after: nil).elements.map(\.reason)
    }

    /// Admits whatever may run, and says what.
    @discardableResult func admit() async throws -> Set<String> {
        let admitted = Set(try await fixture.admit(limit: 1_000).map(\.id))
        return Set(ids.filter { admitted.contains($0.value) }.keys)
    }

    func claim(_ names: String...) async throws -> [ClaimedTask] {
        try await fixture.store.claim(names.map { self[$0] }, workerID: worker, fleetDefault: "local")
    }

    func settle(_ claims: [ClaimedTask], _ outcome: TaskOutcome = .completed(output: ["text": "done"])) async throws {
        let status: ResultStatus = if case .completed = outcome { .completed } else { .failed }
        let settlements = claims.map { claim in
            Settlement(
                taskID: claim.id, attempt: claim.attempt, outcome: outcome,
                calls: claim.call.map {
                    [CallOutcome(resultID: $0.resultID, status: status, output: ["text": "done"], processingTime: 1, tokenUsage: nil)]
                } ?? [])
        }
        _ = try await fixture.store.settle(settlements, workerID: worker)
    }

    /// Admits, claims and ends the tasks.
    func run(_ names: String..., outcome: TaskOutcome = .completed(output: ["text": "done"])) async throws {
        try await admit()
        for name in names {
            let claims = try await claim(name)
            #expect(claims.count == 1, "\(name) may run")
            try await settle(claims, outcome)
        }
    }

    func move(_ name: String, _ action: TaskAction) async throws {
        _ = try await fixture.store.move(self[name], action, by: fixture.principal.userID)
    }

    /// Every law of `chorus verify` holds at this moment.
    func verify(file: String = #fileID, line: Int = #line) async throws {
        let pass = try await fixture.store.verify(grace: .seconds(60))
        #expect(pass.counts == [:], "\(file):\(line) \(pass.firstIDs)")
    }
}
