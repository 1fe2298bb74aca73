public import Domain
import Postgres

/// What is known of one engine's gate and of what is on its way to it.
public struct EngineFigures: Sendable, Hashable {
    public var engine: String
    public var concurrency: Int?
    public var requestsPerMinute: Int?
    public var tokensPerMinute: Int?
    /// What is given away, in seconds from the moment of the look.
    public var schedule: SlotSchedule
    public var closed: ClosedGate?
    /// Places that workers have.
    public var places: Int
    /// Tasks that need this engine: in the queues and with the workers, in the queues alone, and the latter's tokens.
    public var inFlight: Int
    public var inQueue: Int
    public var tokensInQueue: Int
    /// Calls with the workers that have no slot yet, and their tokens; of tasks that need this engine.
    public var waiting: Int
    public var tokensWaiting: Int

    public init(
        engine: String, concurrency: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil,
        schedule: SlotSchedule = SlotSchedule(requestsUntil: 0, tokensUntil: 0), closed: ClosedGate? = nil,
        places: Int = 0, inFlight: Int = 0, inQueue: Int = 0, tokensInQueue: Int = 0, waiting: Int = 0, tokensWaiting: Int = 0
    ) {
        self.engine = engine
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.schedule = schedule
        self.closed = closed
        self.places = places
        self.inFlight = inFlight
        self.inQueue = inQueue
        self.tokensInQueue = tokensInQueue
        self.waiting = waiting
        self.tokensWaiting = tokensWaiting
    }

    public var rates: SlotRates { SlotRates(requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute) }
}

extension Store {
    /// The engines that have limits or are closed; in nearly all fleets there are few, or none. The tables have a row an engine.
    public func heldEngines() async throws -> HeldEngines {
        let rows = try await database.query(
            """
            SELECT e.name,
                g.closed_until IS NOT NULL OR e.definition -> 'limits' ?| '{concurrency,requests_per_minute,tokens_per_minute}'
            FROM engines e LEFT JOIN engine_gates g ON g.engine = e.name ORDER BY e.position LIMIT 1000
            """
        ) { try $0.decode(String.self, Bool?.self) }
        return HeldEngines(names: rows.filter { $0.1 ?? false }.map(\.0), fleetDefault: rows.first?.0)
    }

    /// The figures of these engines, and of what is in flight for each of them; `countsTasks` false leaves the latter out.
    ///
    /// A call that a worker has taken since it asked the gate last has no slot yet. Where it waits longer than a worker's patience of 2 s the
    /// database is slow, and it is not counted any more. A worker that never asked for the engine has taken its first task a moment ago, or is
    /// of a release that says nothing of who waits.
    /// Indexes: `engines_pkey`, `engine_places_pkey`, `engine_waits_pkey`, `idx_tasks_in_flight`.
    public func engineFigures(of engines: [String], countsTasks: Bool = true) async throws -> [EngineFigures] {
        try await database.query(
            """
            WITH fleet AS MATERIALIZED (
                SELECT name AS engine FROM engines ORDER BY position LIMIT 1
            ), needing AS (
                SELECT chorus_needed_engine(t.engine, p.settings, (SELECT engine FROM fleet)) AS engine, t.status = 'in_queue' AS is_queued,
                    t.status = 'processing' AND t.started_at > now() - interval '2.5 s' AS is_new, t.estimated_tokens, t.started_at,
                    t.assigned_worker_id
                FROM tasks t JOIN projects p USING (project_id)
                WHERE \(countsTasks) AND t.status IN ('in_queue', 'processing')
                OFFSET 0 -- once a task, and not once for each of their uses
            ), in_flight AS MATERIALIZED (
                SELECT n.engine, count(*) AS tasks,
                    count(*) FILTER (WHERE n.is_queued) AS in_queue,
                    coalesce(sum(n.estimated_tokens) FILTER (WHERE n.is_queued), 0)::bigint AS tokens,
                    count(*) FILTER (WHERE n.is_new AND n.started_at > coalesce(w.asked_at, now() - interval '300 ms')) AS calls,
                    coalesce(sum(n.estimated_tokens) FILTER (
                        WHERE n.is_new AND n.started_at > coalesce(w.asked_at, now() - interval '300 ms')), 0)::bigint AS call_tokens
                FROM needing n LEFT JOIN engine_waits w ON n.is_new AND w.engine = n.engine AND w.worker_id = n.assigned_worker_id
                GROUP BY 1
            ), waiting AS MATERIALIZED (
                SELECT engine, sum(calls) AS calls, sum(tokens)::bigint AS tokens
                FROM engine_waits WHERE calls > 0 AND asked_at > now() - interval '2.5 s' GROUP BY 1
            )
            SELECT e.name, (e.definition #>> '{limits,concurrency}')::bigint, (e.definition #>> '{limits,requests_per_minute}')::bigint,
                (e.definition #>> '{limits,tokens_per_minute}')::bigint,
                coalesce(extract(epoch FROM g.requests_until - clock_timestamp()), -1)::float8,
                coalesce(extract(epoch FROM g.tokens_until - clock_timestamp()), -1)::float8,
                extract(epoch FROM g.closed_until - clock_timestamp())::float8, g.closed_reason, coalesce(g.closed_message, ''),
                coalesce((
                    SELECT sum(p.places) FROM engine_places p JOIN workers w USING (worker_id)
                    WHERE p.engine = e.name AND w.status IN ('alive', 'draining')), 0)::bigint,
                coalesce(f.tasks, 0), coalesce(f.in_queue, 0), coalesce(f.tokens, 0), coalesce(f.calls, 0) + coalesce(w.calls, 0),
                coalesce(f.call_tokens, 0) + coalesce(w.tokens, 0)
            FROM engines e LEFT JOIN engine_gates g ON g.engine = e.name LEFT JOIN in_flight f ON f.engine = e.name
                LEFT JOIN waiting w ON w.engine = e.name
            WHERE e.name = ANY (\(engines))
            """
        ) { row in
            var columns = row.columns
            let engine = try columns.next(as: String.self)
            var figures = EngineFigures(
                engine: engine, concurrency: try columns.next(), requestsPerMinute: try columns.next(), tokensPerMinute: try columns.next(),
                schedule: SlotSchedule(requestsUntil: try columns.next(), tokensUntil: try columns.next()))
            let closedFor = try columns.next(as: Double?.self)
            let reason = try columns.next(as: String?.self).flatMap(GateReason.init)
            let message = try columns.next(as: String.self)
            if let closedFor, let reason {
                figures.closed = ClosedGate(engine: engine, closedFor: closedFor, reason: reason, message: message)
            }
            figures.places = try columns.next()
            figures.inFlight = try columns.next()
            figures.inQueue = try columns.next()
            figures.tokensInQueue = try columns.next()
            figures.waiting = try columns.next()
            figures.tokensWaiting = try columns.next()
            return figures
        }
    }
}
