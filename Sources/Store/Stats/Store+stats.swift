public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// How long the tasks that ended in a minute are remembered.
    static let minutesKept = 60

    /// The project's figures: what was folded and what was not, by one statement, and so exact. Its cost is the number of the project's
    /// engines and minutes, not of its tasks. Indexes: `project_counts_pkey`, `idx_project_count_changes`,
    /// `project_pruned_counts_pkey`.
    public func stats(of projectID: UUID) async throws -> ProjectStats {
        let rows = try await database.query(
            """
            WITH figures AS (
                SELECT subject, status, engine, minute, number, tokens, cost, duration, rating
                FROM project_counts WHERE project_id = \(projectID)
                UNION ALL
                SELECT subject, status, engine, '-infinity', number, tokens, cost, duration, rating
                FROM project_count_changes WHERE project_id = \(projectID)
                UNION ALL
                SELECT 'pruned', '', '', '-infinity', number, 0, 0, 0, 0
                FROM project_pruned_counts WHERE project_id = \(projectID) AND subject = 'task'
                UNION ALL
                SELECT 'minute', status, '', date_trunc('minute', made_at), number, 0, 0, 0, 0
                FROM project_count_changes
                WHERE project_id = \(projectID) AND subject = 'task' AND status IN ('completed', 'failed', 'cancelled') AND number > 0
            )
            SELECT subject, status, engine,
                CASE subject WHEN 'minute' THEN extract(epoch FROM date_trunc('minute', now()) - minute)::bigint / 60 ELSE 0 END AS ago,
                sum(number)::bigint, sum(tokens)::bigint, sum(cost)::bigint, sum(duration)::bigint, sum(rating)::bigint
            FROM figures GROUP BY subject, status, engine, minute
            """, Figure.init)
        return rows.reduce(into: ProjectStats()) { $1.add(to: &$0) }
    }

    /// Tasks of the project by status; statuses that no task has are left out.
    public func taskCounts(projectID: UUID) async throws -> [(status: TaskStatus, count: Int)] {
        try await stats(of: projectID).tasks.filter { $0.value != 0 }.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            ($0.key, $0.value)
        }
    }

    /// Folds differences into the figures, `limit` at the most, and gives their number; 0 where another gateway does it.
    public func foldCounts(limit: Int) async throws -> Int {
        try await database.query("SELECT chorus_fold_counts(\(Int32(clamping: limit)))") { try $0.decode(Int.self) }.first ?? 0
    }

    /// Forgets minutes that no rate needs any more, `limit` at the most. Index: `idx_project_counts_minute`.
    public func forgetMinutes(limit: Int) async throws -> Int {
        try await database.execute(
            """
            DELETE FROM project_counts WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM project_counts
                WHERE subject = 'minute' AND minute < now() - \(Self.minutesKept) * interval '1 minute' ORDER BY minute LIMIT \(limit)
                FOR UPDATE SKIP LOCKED))
            """)
    }
}

/// One figure of a project. A word that this release does not know is nobody's figure.
private struct Figure {
    var subject: String
    var status: String
    var engine: String
    var minutesAgo: Int
    var number: Int
    var tokens: Int
    var cost: Int
    var duration: Int
    var rating: Int

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        subject = try columns.next()
        status = try columns.next()
        engine = try columns.next()
        minutesAgo = try columns.next()
        number = try columns.next()
        tokens = try columns.next()
        cost = try columns.next()
        duration = try columns.next()
        rating = try columns.next()
    }

    func add(to stats: inout ProjectStats) {
        switch subject {
        case "task":
            guard let status = TaskStatus(rawValue: status) else { return }
            stats.tasks[status, default: 0] += number
        case "minute":
            guard let status = TaskStatus(rawValue: status) else { return }
            stats.minutes[status, default: [:]][minutesAgo, default: 0] += number
        case "pruned": stats.pruned += number
        case "call":
            guard let status = ResultStatus(rawValue: status) else { return }
            var engine = stats.engines[engine] ?? ProjectStats.Engine()
            engine.calls[status, default: 0] += number
            engine.tokens += tokens
            engine.cost += cost
            engine.duration += duration
            stats.engines[self.engine] = engine
        case "rating":
            stats.engines[engine, default: ProjectStats.Engine()].ratings += number
            stats.engines[engine, default: ProjectStats.Engine()].ratingSum += rating
        default: break
        }
    }
}
