import Domain
import Foundation
import Postgres
import Store
import TestSupport
import Testing

/// Families under load: children end in batches at the same time, while people cancel, retry and add.
@Suite(.timeLimit(.minutes(3))) struct FamilyStressTests {
    @Test(arguments: ["fail", "continue"])
    func familiesStayExact(policy: String) async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            for tree in 0..<6 { try await family.accept(Self.tree("t\(tree)", policy)) }
            let people = family
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    let worker = try await fixture.makeWorker()
                    group.addTask { try await Self.work(people, worker) }
                }
                for seed in 1...2 { group.addTask { try await Self.meddle(people, seed: UInt64(seed)) } }
                try await group.waitForAll()
            }
            // What somebody's lock prevented, the dispatcher does; then everything that is left runs to its end.
            let worker = try await fixture.makeWorker()
            try await eventually("everything has ended", within: .seconds(60)) {
                while try await fixture.store.settleFamilies(limit: 100) > 0 {}
                try await Self.round(people, worker, failures: false)
                let unfinished = try await fixture.database.query(
                    "SELECT count(*) FROM tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')"
                ) { try $0.decode(Int.self) }
                return unfinished == [0]
            }
            try await family.verify()
            let unsettled = try await fixture.database.query("SELECT count(*) FROM tasks WHERE is_unsettled") { try $0.decode(Int.self) }
            #expect(unsettled == [0])
            let deadlocks = try await fixture.database.query(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            ) { try $0.decode(Int.self) }
            print("policy \(policy): \(deadlocks.first ?? -1) deadlocks, each tried again")
        }
    }

    /// A top, five middles in two stages, eight children each in two stages.
    private static func tree(_ name: String, _ policy: String) -> JSONValue {
        Family.task(
            name, onChildFailure: policy,
            (0..<5).map { middle in
                Family.task(
                    "\(name).\(middle)", order: middle / 3, onChildFailure: policy,
                    (0..<8).map { Family.chat("\(name).\(middle).\($0)", order: $0 / 5) })
            })
    }

    /// Admits, claims and settles until people have stopped and little is left.
    private static func work(_ family: Family, _ worker: UUID) async throws {
        for _ in 0..<25 { try await round(family, worker, failures: true) }
    }

    private static func round(_ family: Family, _ worker: UUID, failures: Bool) async throws {
        let store = family.fixture.store
        _ = try await store.admit(
            ["", "*"].map { AdmissionGrant(projectID: family.fixture.project.id, priority: 1, engine: $0, limit: 12) })
        let queued = try await family.fixture.database.query(
            "SELECT task_id FROM tasks WHERE status = 'in_queue' ORDER BY random() LIMIT 12"
        ) {
            try $0.decode(UUID.self)
        }
        let claims = try await store.claim(queued, workerID: worker, fleetDefault: "local")
        let settlements = claims.enumerated().map { index, claim in
            let isFailed = failures && index % 11 == 7
            let outcome: TaskOutcome = isFailed ? .failed(message: "no") : .completed(output: ["text": "done"])
            return Settlement(
                taskID: claim.id, attempt: claim.attempt, outcome: outcome,
                calls: claim.call.map {
                    [
                        CallOutcome(
                            resultID: $0.resultID, status: isFailed ? .failed : .completed, output: [:], processingTime: 1, tokenUsage: nil)
                    ]
                } ?? [])
        }
        _ = try await store.settle(settlements, workerID: worker)
    }

    /// Cancels, retries and adds, whatever comes; only what the rules refuse may be refused.
    private static func meddle(_ family: Family, seed: UInt64) async throws {
        var random = SystemRandomNumberGenerator()
        let names = family.ids.keys.sorted()
        for step in 0..<80 {
            guard let name = names.randomElement(using: &random) else { return }
            do {
                switch (step + Int(seed)) % 4 {
                case 0: try await family.move(name, .cancel)
                case 1, 2: try await family.move(name, .retry)
                default:
                    var copy = family
                    try await copy.accept(Family.chat("added \(seed) \(step)", order: step % 3, parent: family[name]))
                }
            } catch let problem as Problem where problem.status == 409 || problem.status == 422 {}
        }
    }
}
