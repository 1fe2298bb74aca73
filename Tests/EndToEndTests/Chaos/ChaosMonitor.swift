import Domain
import Foundation
import Postgres

/// Looks at the database of a running system, as far as it answers.
struct ChaosMonitor: Sendable {
    let system: ChaosFleet
    let cappedProject: String

    struct Look: Sendable {
        var stored: Int
        var ended: Int
        /// What `ChaosProject.capped` has in the queues and with the workers.
        var underCap: Int
    }

    /// nil while the database is away.
    func look() async -> Look? {
        try? await rows(
            """
            SELECT count(*), count(*) FILTER (WHERE status IN ('completed', 'failed', 'cancelled')),
                count(*) FILTER (WHERE status IN ('in_queue', 'processing') AND project_id = \(cappedProject)::uuid)
            FROM tasks
            """
        ) { row in
            let (stored, ended, underCap) = try row.decode(Int.self, Int.self, Int.self)
            return Look(stored: stored, ended: ended, underCap: underCap)
        }.first
    }

    func paused() async throws -> [UUID] {
        try await rows("SELECT task_id FROM tasks WHERE status = 'paused' LIMIT 500") { try $0.decode(UUID.self) }
    }

    /// Tasks that have not ended, each with its status and time; calls that are open.
    func leftovers() async throws -> [String] {
        try await rows(
            """
            SELECT 'task ' || task_id || ' is ' || status || ', attempt ' || attempt || ', available at ' || coalesce(available_at::text, '-')
            FROM tasks WHERE status NOT IN ('completed', 'failed', 'cancelled')
            UNION ALL
            SELECT 'call of ' || task_id || ', attempt ' || attempt || ', is open' FROM results WHERE status = 'pending'
            LIMIT 50
            """
        ) { try $0.decode(String.self) }
    }

    /// Tasks that went on behind a lost worker although their project holds or fails them.
    func disobeyed() async throws -> [String] {
        try await rows(
            """
            SELECT DISTINCT task_id::text FROM (
                SELECT h.*, lead(status_to) OVER (PARTITION BY task_id ORDER BY history_id) AS next,
                    coalesce(p.settings ->> 'on_unknown', 'retry') AS on_unknown
                FROM task_history h JOIN tasks t USING (task_id) JOIN projects p USING (project_id)
            ) AS moves
            WHERE status_from = 'processing' AND status_to = 'retrying' AND reason LIKE 'The worker that ran it was lost%'
                AND (on_unknown = 'fail' OR on_unknown = 'hold' AND next IS DISTINCT FROM 'paused')
            """
        ) { try $0.decode(String.self) }
    }

    func tasks() async throws -> [ChaosTaskRow] { try await rows(ChaosTaskRow.query, ChaosTaskRow.init) }

    func calls() async throws -> [ChaosCallRow] { try await rows(ChaosCallRow.query, ChaosCallRow.init) }

    private func rows<Value: Sendable>(
        _ query: PostgresQuery, _ decode: @escaping @Sendable (PostgresRow) throws -> Value
    ) async throws -> [Value] {
        try await Fleet.withDatabase(system.fleet.environment["CHORUS_DATABASE_URL"] ?? "") { try await $0.query(query, decode) }
    }
}
