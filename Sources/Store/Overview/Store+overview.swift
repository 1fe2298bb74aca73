import Domain
import FoundationEssentials
import Postgres

extension Store {
    /// Projects told of, and found for each reason.
    private static let overviewProjects = 50
    /// Calls looked at, the newest.
    private static let overviewCalls = 2_000

    /// What the fleet does at this moment. Its cost is that of what is in flight, of the newest calls and of the figures of all projects
    /// (75 ms were seen with a hundred thousand projects of three statuses): for somebody who looks every second or two, not for every request.
    ///
    /// Indexes: `idx_tasks_in_flight`, `idx_tasks_backlog` (its distinct projects by a loose scan), `idx_project_counts_minute`,
    /// `project_counts_pkey`, `idx_project_count_changes`, `results_pkey` (from its end), `tasks_pkey`.
    public func overview() async throws -> FleetOverview {
        let engines = try await self.engines()
        async let figures = engineFigures(of: engines.map(\.name))
        async let workers = workers()
        async let calls = newestCalls()
        var overview = try await database.withConnection { connection in
            let answers = try connection.pipeline([
                "SELECT now()", Self.totals, Self.endedInTheLastMinute, Self.inFlightByPriority, Self.busiestProjects,
            ])
            var overview = FleetOverview(at: try answers[0].first?.decode(Date.self) ?? Date())
            overview.tasks = Self.totals(try answers[1].map { try $0.decode(String.self, Int.self) })
            overview.perMinute = try answers[2].first?.decode(Int.self) ?? 0
            for row in answers[3] {
                let (priority, inQueue, processing, oldest) = try row.decode(Int.self, Int.self, Int.self, Double?.self)
                var lane = overview.lanes[Lane(priority: priority)] ?? FleetOverview.LaneFigures()
                lane.inQueue += inQueue
                lane.processing += processing
                lane.oldest = [lane.oldest, oldest].compactMap { $0 }.max()
                overview.lanes[Lane(priority: priority)] = lane
            }
            let projects = try answers[4].map(FleetOverview.ProjectFigures.init)
            overview.projects = try Self.adding(counts: connection.query(Self.counts(of: projects.map(\.id))), to: projects)
            return overview
        }
        let known = Dictionary(try await figures.map { ($0.engine, $0) }, uniquingKeysWith: { first, _ in first })
        let (loads, wait) = try await calls
        overview.engines = engines.map { engine in
            (engine, known[engine.name] ?? EngineFigures(engine: engine.name), loads[engine.name] ?? FleetOverview.EngineLoad())
        }
        overview.wait = wait
        overview.workers = try await workers
        return overview
    }

    private static let endedInTheLastMinute: PostgresQuery = """
        SELECT coalesce(sum(number), 0)::bigint FROM project_counts
        WHERE subject = 'minute' AND minute = date_trunc('minute', now()) - interval '1 minute'
        """

    private static let inFlightByPriority: PostgresQuery = """
        SELECT coalesce(priority, 1)::bigint, count(*) FILTER (WHERE status = 'in_queue'), count(*) FILTER (WHERE status = 'processing'),
            extract(epoch FROM now() - min(updated_at) FILTER (WHERE status = 'in_queue'))::float8
        FROM tasks WHERE status IN ('in_queue', 'processing') GROUP BY 1
        """

    private static let busiestProjects: PostgresQuery = """
        WITH RECURSIVE waiting AS (
            (SELECT project_id FROM tasks WHERE status IN ('pending', 'retrying') AND waiting_on = 0 ORDER BY project_id LIMIT 1)
            UNION ALL
            SELECT (SELECT project_id FROM tasks
                    WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id > waiting.project_id
                    ORDER BY project_id LIMIT 1)
            FROM waiting WHERE waiting.project_id IS NOT NULL
        ), busy AS (
            SELECT project_id, count(*) AS work, 0 AS ended FROM tasks WHERE status IN ('in_queue', 'processing') GROUP BY project_id
            UNION ALL
            SELECT project_id, 0, sum(number) FROM project_counts
            WHERE subject = 'minute' AND minute = date_trunc('minute', now()) - interval '1 minute' GROUP BY project_id
            UNION ALL
            (SELECT project_id, 1, 0 FROM waiting WHERE project_id IS NOT NULL LIMIT \(unescaped: "\(overviewProjects)"))
        )
        SELECT p.project_id, p.project_name, p.status, coalesce(p.priority, 1), sum(b.ended)::bigint
        FROM busy b JOIN projects p USING (project_id) GROUP BY p.project_id
        ORDER BY sum(b.work) + sum(b.ended) DESC, p.project_id LIMIT \(unescaped: "\(overviewProjects)")
        """

    private static func counts(of projects: [UUID]) -> PostgresQuery {
        """
        SELECT project_id, status, sum(number)::bigint FROM (
            SELECT project_id, status, number FROM project_counts WHERE project_id = ANY (\(projects)) AND subject = 'task'
            UNION ALL
            SELECT project_id, status, number FROM project_count_changes WHERE project_id = ANY (\(projects)) AND subject = 'task'
        ) AS figure
        GROUP BY project_id, status
        """
    }

    private static func adding(
        counts: PostgresRows, to projects: [FleetOverview.ProjectFigures]
    ) throws -> [FleetOverview.ProjectFigures] {
        var tasks: [UUID: [TaskStatus: Int]] = [:]
        for row in counts {
            let (id, status, number) = try row.decode(UUID.self, String.self, Int.self)
            if let status = TaskStatus(rawValue: status) { tasks[id, default: [:]][status] = number }
        }
        return projects.map { project in
            var project = project
            project.tasks = tasks[project.id] ?? [:]
            return project
        }
    }

    /// Of the newest calls, those of the last minute: by engine, and how long their tasks had waited, without parents, which wait for others.
    private func newestCalls() async throws -> ([String: FleetOverview.EngineLoad], FleetOverview.Spread?) {
        let rows = try await database.query(
            """
            WITH newest AS MATERIALIZED (
                SELECT task_id, attempt, engine_type, status, processing_time, token_usage, created_at
                FROM results ORDER BY result_id DESC LIMIT \(Self.overviewCalls)
            ), span AS (
                SELECT CASE WHEN count(*) < \(Self.overviewCalls) THEN 60
                    ELSE least(60, greatest(0.1, extract(epoch FROM now() - min(created_at)))) END::float8 AS seconds
                FROM newest
            ), calls AS (
                SELECT n.engine_type, n.status, n.processing_time::bigint AS duration, chorus_tokens(n.token_usage) AS tokens,
                    CASE WHEN n.attempt = 1 AND t.child_count = 0 AND n.created_at >= t.available_at
                        THEN (extract(epoch FROM n.created_at - t.available_at) * 1000)::bigint END AS wait
                FROM newest n JOIN tasks t USING (task_id) WHERE n.created_at > now() - interval '1 minute'
            )
            SELECT engine_type, count(*) * 60 / span.seconds, (sum(tokens) * 60)::float8 / span.seconds,
                count(*) FILTER (WHERE status IN ('failed', 'unknown'))::float8 / greatest(1, count(*) FILTER (WHERE status <> 'pending')),
                percentile_disc(0.5) WITHIN GROUP (ORDER BY duration) FILTER (WHERE status = 'completed'),
                percentile_disc(0.99) WITHIN GROUP (ORDER BY duration) FILTER (WHERE status = 'completed'),
                percentile_disc(0.5) WITHIN GROUP (ORDER BY wait), percentile_disc(0.99) WITHIN GROUP (ORDER BY wait)
            FROM calls CROSS JOIN span GROUP BY GROUPING SETS ((engine_type, span.seconds), (span.seconds))
            """
        ) { row in
            var columns = row.columns
            let engine = try columns.next(as: String?.self)
            let load = FleetOverview.EngineLoad(
                callsPerMinute: try columns.next(), tokensPerMinute: try columns.next(), failed: try columns.next(),
                duration: try FleetOverview.Spread(&columns))
            return (engine, load, try FleetOverview.Spread(&columns))
        }
        let loads = rows.compactMap { engine, load, _ in engine.map { ($0, load) } }
        return (Dictionary(loads, uniquingKeysWith: { first, _ in first }), rows.first { $0.0 == nil }?.2)
    }
}

extension FleetOverview.Spread {
    /// Two columns; nil where nothing was measured.
    fileprivate init?(_ columns: inout PostgresColumns) throws {
        let (median, high) = (try columns.next(as: Int?.self), try columns.next(as: Int?.self))
        guard let median, let high else { return nil }
        self.init(median: median, high: high)
    }
}

extension FleetOverview.ProjectFigures {
    fileprivate init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), name: try columns.next(), status: try columns.nextCase(), weight: try columns.next(),
            perMinute: try columns.next())
    }
}
