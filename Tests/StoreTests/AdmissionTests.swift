import Domain
import Foundation
import Postgres
import Store
import Testing

/// What the dispatcher sees of the backlog, and what it is given.
@Suite(.timeLimit(.minutes(2))) struct AdmissionTests {
    private static func project(_ name: String, settings: JSONValue, _ fixture: StoreFixture) async throws -> UUID {
        try await fixture.store.createProject(try StoreFixture.newProject(name, settings: settings), principal: fixture.principal).id
    }

    private static func accept(_ tasks: [NewTask], _ project: UUID, _ fixture: StoreFixture) async throws {
        for outcome in await fixture.store.accept([Submission(projectID: project, userID: fixture.principal.userID, tasks: tasks)]) {
            _ = try outcome.get()
        }
    }

    /// Many gateways admit a capped project at once, while its tasks end: there are never more in flight than the cap.
    @Test func aCapHoldsAgainstManyGateways() async throws {
        try await StoreFixture.with { fixture in
            let cap = 3
            let project = try await Self.project("Capped", settings: ["max_concurrency": 3], fixture)
            try await Self.accept(try (0..<24).map { try StoreFixture.newTask(priority: $0 % 10) }, project, fixture)
            let worker = try await fixture.makeWorker()
            try await withThrowingTaskGroup { group in
                for _ in 0..<3 {
                    group.addTask {
                        let end = ContinuousClock.now + .seconds(60)
                        while ContinuousClock.now < end {
                            let grants = try await fixture.store.backlog(from: nil, limit: 100).entries.map {
                                AdmissionGrant(projectID: project, priority: $0.priority, limit: 20, isCapped: true)
                            }
                            if grants.isEmpty { break }
                            let admitted = try await fixture.store.admit(grants).tasks
                            #expect(admitted.count <= cap)
                            let inFlight = try await Self.inFlight(project, fixture)
                            #expect(inFlight <= cap)
                            let claimed = try await fixture.store.claim(admitted.map(\.id), workerID: worker, fleetDefault: "local")
                            _ = try await fixture.store.settle(
                                claimed.map {
                                    Settlement(taskID: $0.id, attempt: $0.attempt, outcome: .failed(message: "enough"), calls: [])
                                }, workerID: worker)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.store.taskCounts(projectID: project).first { $0.status == .failed }?.count == 24)
        }
    }

    private static func inFlight(_ project: UUID, _ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query(
            "SELECT count(*) FROM tasks WHERE project_id = \(project) AND status IN ('in_queue', 'processing')"
        ) { try $0.decode(Int.self) }.first ?? 0
    }

    /// While another gateway's admission is not committed, a capped project is passed over: it neither waits nor admits.
    @Test func aCappedProjectIsAdmittedByOneGatewayAtATime() async throws {
        try await StoreFixture.with { fixture in
            let project = try await Self.project("Capped", settings: ["max_concurrency": 10], fixture)
            try await Self.accept(try (0..<4).map { _ in try StoreFixture.newTask() }, project, fixture)
            let grants = [AdmissionGrant(projectID: project, priority: 1, limit: 2, isCapped: true)]
            try await fixture.database.transaction { connection in
                // What an admission begins with.
                _ = try connection.query("SELECT FROM projects WHERE project_id = \(project) FOR NO KEY UPDATE")
                #expect(try await fixture.store.admit(grants).tasks.isEmpty)
                // Its tasks are accepted meanwhile.
                try await Self.accept([try StoreFixture.newTask()], project, fixture)
            }
            #expect(try await fixture.store.admit(grants).tasks.count == 2)
            #expect(try await fixture.store.admit(grants).tasks.count == 2)
        }
    }

    @Test func theBacklogSaysWhatACapLeaves() async throws {
        try await StoreFixture.with { fixture in
            let project = try await Self.project("Capped", settings: ["max_concurrency": 3], fixture)
            try await Self.accept(try (0..<9).map { _ in try StoreFixture.newTask() }, project, fixture)
            try await fixture.accept([try StoreFixture.newTask()])
            for left in [3, 1, 0] {
                let entries = try await fixture.store.backlog(from: nil, limit: 100).entries
                #expect(entries.first { $0.projectID == project }?.allowance == left)
                #expect(entries.contains { $0.projectID == fixture.project.id && $0.allowance == nil })
                _ = try await fixture.store.admit([AdmissionGrant(projectID: project, priority: 1, limit: 2, isCapped: true)])
            }
        }
    }

    /// The first task of a priority is the one whose time came first: those whose time has not come hide nothing.
    @Test func delayedTasksStandBehindDueOnes() async throws {
        try await StoreFixture.with { fixture in
            let delayed = try (0..<20).map { index in
                var task = try StoreFixture.newTask(priority: index % 2 == 0 ? 9 : 1)
                task.availableAt = Date(timeIntervalSinceNow: 3_600)
                return task
            }
            let due = try StoreFixture.newTask(priority: 1)
            try await fixture.accept(delayed + [due])
            let entries = try await fixture.store.backlog(from: nil, limit: 100).entries
            #expect(entries.map(\.priority) == [9, 1])
            #expect(entries.map(\.isDue) == [false, true])
            #expect(entries[0].dueIn > .seconds(3_000))
            #expect(try await fixture.admit().map(\.id) == [due.id])
            #expect(try await fixture.store.backlog(from: nil, limit: 100).entries.allSatisfy { !$0.isDue })
        }
    }

    @Test func aPausedProjectIsSeenAndNotDue() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.accept([try StoreFixture.newTask()])
            _ = try await fixture.database.execute("UPDATE projects SET status = 'paused' WHERE project_id = \(fixture.project.id)")
            let entries = try await fixture.store.backlog(from: nil, limit: 100).entries
            #expect(entries.map(\.isActive) == [false])
            #expect(entries.map(\.isDue) == [false])
        }
    }

    /// A look ends between projects, never inside one: every pair is seen in one pass.
    @Test func aLookEndsBetweenProjects() async throws {
        try await StoreFixture.with { fixture in
            for index in 0..<4 {
                let project = try await Self.project("P\(index)", settings: [:], fixture)
                try await Self.accept(try TaskPriority.range.map { try StoreFixture.newTask(priority: $0) }, project, fixture)
            }
            var pairs: [BacklogEntry] = []
            var looks = 0
            var start: UUID?
            repeat {
                let backlog = try await fixture.store.backlog(from: start, limit: 25)
                pairs += backlog.entries
                start = backlog.next
                looks += 1
            } while start != nil && looks < 10
            #expect(looks == 2)
            #expect(pairs.count == 40)
            #expect(Set(pairs.map { "\($0.projectID) \($0.priority)" }).count == 40)
        }
    }

    @Test func tellsWhatIsInFlight() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try [10, 20, 30].map { try StoreFixture.newTask(input: ["prompt": "hi", "max_tokens": .number(JSONNumber($0))]) }
            try await fixture.accept(tasks)
            #expect(try await fixture.store.tokensInFlight(of: [fixture.project.id]).isEmpty)
            let admitted = try await fixture.store.admit([AdmissionGrant(projectID: fixture.project.id, priority: 1, limit: 2)]).tasks
            #expect(admitted.map(\.estimatedTokens).sorted() == [10, 20])
            #expect(try await fixture.store.backlog(from: nil, limit: 100).entries.map(\.cost) == [30])
            let worker = try await fixture.makeWorker()
            _ = try await fixture.store.claim([tasks[0].id], workerID: worker, fleetDefault: "local")
            #expect(try await fixture.store.tokensInFlight(of: [fixture.project.id, UUID()]) == [fixture.project.id: 30])
        }
    }

    /// A task whose worker was lost does not go to the end of its project's backlog.
    @Test func orphansKeepTheirPlace() async throws {
        try await StoreFixture.with { fixture in
            let tasks = try (0..<3).map { _ in try StoreFixture.newTask() }
            try await fixture.accept(tasks)
            let grant = AdmissionGrant(projectID: fixture.project.id, priority: 1, limit: 1)
            let first = try #require(try await fixture.store.admit([grant]).tasks.first)
            let worker = try await fixture.makeWorker()
            _ = try await fixture.store.claim([first.id], workerID: worker, fleetDefault: "local")
            // The first look notes since when the server keeps its sessions.
            _ = try await fixture.store.silentWorkers(lease: .zero)
            #expect(try await fixture.store.markLost([worker], lease: .zero) == [worker])
            #expect(try await fixture.store.requeueOrphans(limit: 10) == 1)
            #expect(try await fixture.store.admit([grant]).tasks.map(\.id) == [first.id])
        }
    }
}
