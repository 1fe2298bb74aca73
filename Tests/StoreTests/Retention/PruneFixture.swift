import Domain
import Foundation
import Postgres
import Store
import Synchronization

extension StoreFixture {
    /// For tests, all that has ended by now is old.
    func plan(_ project: UUID? = nil) -> PrunePlan {
        PrunePlan(projectID: project ?? self.project.id, days: 1, cutoff: Date().addingTimeInterval(60))
    }

    /// Walks to the end of the project.
    func pruneAll(limit: Int = 500, archive: (any PruneArchive)? = nil) async throws -> [PruneBatch] {
        var batches: [PruneBatch] = []
        repeat {
            batches.append(try await store.prune(plan(), after: batches.last?.next, limit: limit, archive: archive))
        } while batches.last?.next != nil
        return batches
    }

    /// Tasks that were accepted ten days ago and ended a day later.
    func runOldTasks(_ number: Int, worker: UUID) async throws {
        _ = try await database.execute(
            """
            INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
            SELECT chorus_uuid_v7(now() - interval '10 days'), \(project.id), \(principal.userID), 'chat', 'pending', '{"prompt": "hi"}'
            FROM generate_series(1, \(number))
            """)
        let tasks = try await admitAll().tasks
        try await run(tasks, worker: worker, tokens: 1)
        _ = try await database.execute(
            "UPDATE tasks SET completed_at = now() - interval '9 days' WHERE task_id = ANY (\(tasks.map(\.id)))")
    }

    /// It ends too late to go.
    func makeYoung(_ id: UUID) async throws {
        _ = try await database.execute("UPDATE tasks SET completed_at = now() + interval '1 hour' WHERE task_id = \(id)")
    }

    func rows(_ table: String) async throws -> Int { try await count(PostgresQuery(unescaped: "SELECT count(*) FROM \(table)")) }
}

/// Keeps what it takes, or refuses it.
final class ArchiveInMemory: PruneArchive {
    struct Full: Error {}

    private let state = Mutex<(lines: [String], seals: Int)>(([], 0))
    private let isFull: Bool

    init(isFull: Bool = false) { self.isFull = isFull }

    var lines: [String] { state.withLock { $0.lines } }
    var seals: Int { state.withLock { $0.seals } }

    func append(_ line: String) { state.withLock { $0.lines.append(line) } }

    func seal() throws {
        if isFull { throw Full() }
        state.withLock { $0.seals += 1 }
    }
}
