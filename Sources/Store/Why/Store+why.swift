import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// What stands between the task and a worker; nil where there is no such task. One statement, another one where the task's engine has
    /// limits or is closed, and one where quotas bound its project; counts are bounded.
    ///
    /// Indexes: `tasks_pkey`, `projects_pkey`, `workers_pkey`, `idx_workers_alive`, `idx_task_history_task_id`, `accounts_pkey`,
    /// `idx_tasks_unfinished_children`, `idx_tasks_in_flight`, `idx_tasks_backlog`.
    public func situation(of id: UUID) async throws -> TaskSituation? {
        guard var situation = try await database.query(Self.situationQuery(id), TaskSituation.init).first else { return nil }
        situation.budget = try await budget(of: situation)
        guard let engine = situation.entry.neededEngine, !situation.status.isFinal, situation.status != .processing else {
            return situation
        }
        let held = try await heldEngines()
        if held.names.contains(engine) { situation.engine = try await engineFigures(of: [engine]).first }
        return situation
    }

    /// What an admission would be told of the task.
    private func budget(of situation: TaskSituation) async throws -> QuotaBook.Verdict? {
        let isWaiting = [.pending, .retrying].contains(situation.status) || situation.status == .paused && situation.isOverBudget
        guard situation.entry.isMetered, isWaiting else { return nil }
        var book = try await quotaBook(QuotaType.spending, of: [situation.entry.projectID])
        return book.take([.tokens: situation.entry.cost, .costMicros: situation.mostCost], of: situation.entry.projectID)
    }

    private static func situationQuery(_ id: UUID) -> PostgresQuery {
        """
        SELECT t.task_id, t.status, t.project_id, coalesce(t.priority, \(TaskPriority.standard)), t.engine,
            nullif(chorus_needed_engine(t.engine, p.settings, (SELECT name FROM engines ORDER BY position LIMIT 1)), \(TaskEngine.several)),
            t.estimated_tokens, (extract(epoch FROM t.available_at) - extract(epoch FROM now()))::float8, p.status, cap.cap,
            (SELECT count(*) FROM (
                SELECT FROM tasks f WHERE f.project_id = t.project_id AND f.status IN ('in_queue', 'processing') LIMIT cap.cap
            ) AS in_flight WHERE cap.cap IS NOT NULL),
            now(), t.started_at, t.attempt, t.error_message, t.waiting_on, t.waits_for_child, t.waits_for_stage,
            (SELECT count(*) FROM (
                SELECT FROM tasks c
                WHERE c.parent_task_id = t.task_id AND c.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
                LIMIT \(TaskSituation.countLimit + 1)
            ) AS children WHERE t.waiting_on > 0),
            w.worker_id, w.name, w.host, h.changed_at, h.changed_by, h.email, h.reason,
            (SELECT count(*) FROM (
                SELECT FROM tasks a
                WHERE a.project_id = t.project_id AND a.priority = t.priority AND a.engine = t.engine
                    AND a.status IN ('pending', 'retrying') AND a.waiting_on = 0
                    AND (a.available_at, a.task_id) < (t.available_at, t.task_id)
                LIMIT \(TaskSituation.countLimit + 1)
            ) AS ahead WHERE t.status IN ('pending', 'retrying')),
            (SELECT count(*) FROM workers a WHERE a.status = 'alive'), p.metered, t.is_over_budget,
            CASE WHEN p.metered THEN \(unescaped: mostCost) ELSE 0 END
        FROM tasks t
            JOIN projects p ON p.project_id = t.project_id
            CROSS JOIN LATERAL (SELECT chorus_max_concurrency(p.settings) AS cap) AS cap
            LEFT JOIN workers w ON w.worker_id = t.assigned_worker_id AND t.status = 'processing'
            LEFT JOIN LATERAL (
                SELECT h.changed_at, h.changed_by, a.email, h.reason
                FROM task_history h LEFT JOIN accounts a ON a.user_id = h.changed_by
                WHERE h.task_id = t.task_id ORDER BY h.history_id DESC LIMIT 1
            ) AS h ON TRUE
        WHERE t.task_id = \(id)
        """
    }
}

extension TaskSituation {
    fileprivate init(_ row: PostgresRow) throws {
        var columns = row.columns
        taskID = try columns.next()
        status = try columns.nextCase()
        entry = BacklogEntry(
            projectID: try columns.next(), priority: try columns.next(), engine: try columns.next(), neededEngine: try columns.next(),
            weight: 1, cost: try columns.next(), dueIn: .seconds(min(max(try columns.next(as: Double.self), -1e9), 1e9)))
        projectStatus = try columns.nextCase()
        entry.isActive = projectStatus == .active
        cap = try columns.next()
        let inFlight = try columns.next(as: Int.self)
        entry.allowance = cap.map { $0 - inFlight }
        moment = try columns.next()
        startedAt = try columns.next()
        attempt = try columns.next()
        errorMessage = try columns.next()
        waitingOn = try columns.next()
        waitsForFirstChild = try columns.next()
        waitsForStage = try columns.next()
        unfinishedChildren = try columns.next()
        let workerID = try columns.next(as: UUID?.self)
        let (name, host) = (try columns.next(as: String?.self), try columns.next(as: String?.self))
        worker = workerID.map { Worker(id: $0, name: name ?? "", host: host ?? "") }
        let movedAt = try columns.next(as: Date?.self)
        let by = try columns.next(as: UUID?.self)
        let person = try columns.next(as: String?.self)
        let reason = try columns.next(as: String?.self)
        lastMove = movedAt.map { Move(at: $0, by: by, person: person, reason: reason) }
        ahead = try columns.next()
        workersAlive = try columns.next()
        entry.isMetered = try columns.next()
        isOverBudget = try columns.next()
        mostCost = try columns.next()
    }
}
