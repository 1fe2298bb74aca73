import Domain
import Engines
import Foundation
import Logging
import NIOURLSession
import Postgres
import Store
import TestSupport

@testable import Worker

/// A runner over a real database of its own, with a worker and a project for it.
struct RunnerSystem {
    let store: Store
    let runner: TaskRunner
    let database: PostgresClient
    let worker: UUID
    let user: UUID
    let project: UUID

    /// - Parameter engines: what the runner may call.
    static func with(_ engines: [EngineDefinition] = [], _ body: (RunnerSystem) async throws -> Void) async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let made = try await TestDatabase.make("worker")
        let database = PostgresClient(configuration: try PostgresConfiguration(url: made.url), logger: logger)
        let session = NIOURLSession(logger: logger)
        do {
            _ = try await Migrator(database).migrate()
            let store = Store(database)
            let user = try await store.createAccount(
                email: "o@example.org",
                password: try PasswordHash(password: "correct horse", cost: ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)),
                fullName: nil)
            let key = try await store.createKey(userID: user, name: "test")
            let project = try await store.createProject(
                try NewProject(reading: ["project_name": "P"], knownEngines: EngineNames([])),
                principal: Principal(userID: user, keyID: key.id))
            let worker = UUID.v7()
            _ = try await database.execute(
                """
                INSERT INTO workers (worker_id, name, host, process_id, version, concurrency, lock_key)
                VALUES (\(worker), 'w', 'h', 1, '0', 1, 1)
                """)
            let registry = EngineRegistry(session: session)
            registry.replace(with: engines)
            let runner = TaskRunner(
                engines: registry, store: store, gates: EngineGates(store: store, logger: logger) { worker },
                policy: OutcomePolicy(backoff: .standard), logger: logger)
            try await body(
                RunnerSystem(store: store, runner: runner, database: database, worker: worker, user: user, project: project.id))
        } catch {
            await session.shutdown()
            await database.close()
            throw error
        }
        await session.shutdown()
        await database.close()
        try await made.drop()
    }
}
