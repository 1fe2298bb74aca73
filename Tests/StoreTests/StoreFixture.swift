import Domain
import Foundation
import Logging
import Postgres
import Store
import TestSupport

/// A migrated database of its own, with an account, a key and a project.
struct StoreFixture: Sendable {
    let database: PostgresClient
    let store: Store
    let principal: Principal
    let project: ProjectRecord

    static func with<Value>(_ body: (StoreFixture) async throws -> Value) async throws -> Value {
        try await withMigratedDatabase { database in
            let store = Store(database)
            let userID = try await store.createAccount(
                email: "owner@example.org",
                password: try PasswordHash(password: "correct horse", cost: ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)),
                fullName: nil)
            let key = try await store.createKey(userID: userID, name: "test")
            let principal = Principal(userID: userID, keyID: key.id)
            try await store.applyEngines([
                EngineRow(name: "local", type: "openai", definition: ["name": "local"]),
                EngineRow(name: "hosted", type: "openai", definition: ["name": "hosted"]),
            ])
            let project = try await store.createProject(try newProject("First"), principal: principal)
            return try await body(StoreFixture(database: database, store: store, principal: principal, project: project))
        }
    }

    static func newProject(_ name: String, settings: JSONValue = [:]) throws -> NewProject {
        try NewProject(reading: ["project_name": .string(name), "settings": settings], knownEngines: EngineNames(["local", "hosted"]))
    }

    static func newTask(priority: Int = 1, input: JSONValue = ["prompt": "hi"]) throws -> NewTask {
        try NewTask(
            reading: ["task_type": "chat", "priority": .number(JSONNumber(priority)), "input_data": input],
            knownEngines: EngineNames(["local", "hosted"]))
    }

    func accept(_ tasks: [NewTask]) async throws {
        for outcome in await store.accept([Submission(projectID: project.id, userID: principal.userID, tasks: tasks)]) {
            _ = try outcome.get()
        }
    }

    func admit(limit: Int = 100) async throws -> [AdmittedTask] {
        try await store.admit(
            TaskPriority.range.reversed().flatMap { priority in
                ["", "*", "hosted", "local"].map { engine in
                    AdmissionGrant(projectID: project.id, priority: priority, engine: engine, limit: limit)
                }
            }
        ).tasks
    }

    /// A row of `workers` without a session: its lock is free.
    func makeWorker() async throws -> UUID {
        let worker = WorkerIdentity(name: "w", host: "h", processID: 1, version: "0", concurrency: 1)
        _ = try await database.execute(
            """
            INSERT INTO workers (worker_id, name, host, process_id, version, concurrency, lock_key)
            VALUES (\(worker.id), 'w', 'h', 1, '0', 1, \(worker.lockKey))
            """)
        return worker.id
    }

    /// Takes a worker for dead, whatever its lock and its lease say.
    func loseWorker(_ id: UUID) async throws {
        _ = try await database.execute("UPDATE workers SET status = 'lost', stopped_at = clock_timestamp() WHERE worker_id = \(id)")
    }

    /// A session outside of the pool.
    func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(database.configuration, logger: Logger(label: "test"))
    }

    func status(_ id: UUID) async throws -> TaskStatus? { try await store.task(id)?.status }
}

func withMigratedDatabase<Value>(_ body: (PostgresClient) async throws -> Value) async throws -> Value {
    try await withEmptyDatabase { database in
        _ = try await Migrator(database).migrate()
        return try await body(database)
    }
}

func withEmptyDatabase<Value>(_ body: (PostgresClient) async throws -> Value) async throws -> Value {
    let made = try await TestDatabase.make("store")
    let database = PostgresClient(configuration: try PostgresConfiguration(url: made.url), logger: Logger(label: "test"))
    do {
        let value = try await body(database)
        await database.close()
        try await made.drop()
        return value
    } catch {
        await database.close()
        try? await made.drop()
        throw error
    }
}
