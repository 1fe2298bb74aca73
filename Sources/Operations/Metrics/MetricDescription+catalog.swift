/// The one list of all that Chorus counts: what is not in it is not told. `deploy/metrics.md` shows it, and a test holds the two equal.
///
/// Labels are bounded: engines are what an operator configured, everything else is a word of the code. No project, task or key is one.
extension MetricDescription {
    /// For what a machine does.
    static let seconds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// For what an engine does.
    static let engineSeconds: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
    /// For what shares a statement.
    static let batch: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]

    public static let all: [MetricDescription] = requests + tasks + fleet + engines + connections + process

    private static let requests: [MetricDescription] = [
        .init("chorus_http_requests_total", .counter, .gateway, ["method", "route", "status"], "Requests answered, by route and status."),
        .init(
            "chorus_http_request_seconds", .histogram, .gateway, ["route"], "From a request's head to its answer's head.", buckets: seconds),
        .init("chorus_event_streams", .gauge, .gateway, [], "Streams of events that are open."),
        .init(
            "chorus_webhook_deliveries_total", .counter, .gateway, ["outcome"],
            "Posts to webhooks, by what came of them: delivered, retrying, failed."),
    ]

    private static let tasks: [MetricDescription] = [
        .init("chorus_tasks_accepted_total", .counter, .gateway, [], "Tasks stored."),
        .init(
            "chorus_acceptance_batch_tasks", .histogram, .gateway, [], "Tasks that shared the statement that stored them.", buckets: batch),
        .init("chorus_acceptance_seconds", .histogram, .gateway, [], "What storing a batch of tasks took.", buckets: seconds),
        .init(
            "chorus_tasks_admitted_total", .counter, .gateway, ["path"],
            "Tasks handed to the broker: direct with their acceptance, or from the backlog."),
        .init("chorus_worker_registered", .gauge, .worker, [], "1 while the worker is known as alive and may claim."),
        .init("chorus_worker_slots", .gauge, .worker, [], "Tasks that may run at once."),
        .init("chorus_worker_running_tasks", .gauge, .worker, [], "Tasks that run."),
        .init("chorus_tasks_claimed_total", .counter, .worker, [], "Tasks claimed."),
        .init(
            "chorus_task_wait_seconds", .histogram, .worker, ["lane"], "From when a task without children could have run to its claim.",
            buckets: engineSeconds),
        .init("chorus_claim_batch_tasks", .histogram, .worker, [], "Messages that shared the statement that claimed them.", buckets: batch),
        .init("chorus_claim_seconds", .histogram, .worker, [], "What claiming a batch took.", buckets: seconds),
        .init("chorus_tasks_ended_total", .counter, .worker, ["status"], "Tasks recorded, by the status they moved to."),
        .init(
            "chorus_record_batch_tasks", .histogram, .worker, [], "Outcomes that shared the statement that recorded them.", buckets: batch),
        .init("chorus_record_seconds", .histogram, .worker, [], "What recording a batch took.", buckets: seconds),
    ]

    private static let fleet: [MetricDescription] = [
        .init("chorus_tasks", .gauge, .fleet, ["status"], "Tasks that the database holds, by status."),
        .init(
            "chorus_lane_tasks", .gauge, .fleet, ["lane", "state"],
            "Tasks that could run now: waiting in the database (of 200,000 or more an equal share of each project and priority is counted), in_queue, processing."
        ),
        .init(
            "chorus_lane_oldest_task_seconds", .gauge, .fleet, ["lane"],
            "For how long the oldest task that waits, in the database or in a queue, could have run."),
        .init(
            "chorus_lane_backlog_seconds", .gauge, .fleet, ["lane"],
            "How long the fleet needs, at the pace of the last minutes, for what waits in this lane and in those before it: scale by it."),
        .init("chorus_queue_messages", .gauge, .fleet, ["lane"], "Messages that wait in the broker's queues for a worker."),
        .init("chorus_workers", .gauge, .fleet, ["status"], "Workers that are alive, or drain."),
        .init("chorus_last_backup_timestamp_seconds", .gauge, .fleet, [], "When the newest good backup was begun. No series without one."),
        .init("chorus_fleet_read_timestamp_seconds", .gauge, .fleet, [], "When the figures of the fleet were read last."),
        .init(
            "chorus_fleet_read_duration_seconds", .gauge, .fleet, [],
            "What reading them took. They are read the less often the longer it takes."),
    ]

    private static let engines: [MetricDescription] = [
        .init(
            "chorus_engine_calls_total", .counter, .worker, ["engine", "outcome"], "Calls of engines: completed, or the kind of the error."),
        .init("chorus_engine_call_seconds", .histogram, .worker, ["engine"], "How long calls of engines took.", buckets: engineSeconds),
        .init("chorus_engine_tokens_total", .counter, .worker, ["engine", "kind"], "Tokens that engines counted: prompt, completion."),
        .init("chorus_engine_cost_usd_total", .counter, .worker, ["engine"], "What these tokens cost, where the engine has a price."),
        .init(
            "chorus_engine_held_total", .counter, .worker, ["engine"], "Calls that the engine's gate did not let pass: the task waits anew."
        ),
        .init("chorus_engine_gate_state", .gauge, .fleet, ["engine", "state"], "1 for what the gate is: open, closed, or probing."),
        .init(
            "chorus_engine_gate_closed_seconds", .gauge, .fleet, ["engine", "reason"],
            "For how much longer a gate is closed, and why: rate_limited, overloaded, circuit."),
        .init(
            "chorus_engine_gate_used_ratio", .gauge, .fleet, ["engine", "limit"],
            "How much of a limit is given away, 0 to 1: requests_per_minute, tokens_per_minute, concurrency."),
    ]

    private static let connections: [MetricDescription] = [
        .init(
            "chorus_broker_connected", .gauge, .all, [],
            "1 while the broker takes messages from this gateway, or gives this worker some."),
        .init("chorus_broker_unconfirmed_messages", .gauge, .gateway, [], "Messages that the broker has not confirmed yet."),
        .init("chorus_database_pool_size", .gauge, .all, [], "Connections that the pool may have."),
        .init("chorus_database_connections", .gauge, .all, ["state"], "Connections of the pool: idle, in_use, connecting."),
        .init("chorus_database_waiting_callers", .gauge, .all, [], "Callers that wait for a connection."),
        .init("chorus_database_waits_total", .counter, .all, [], "How often a caller found no idle connection and had to wait."),
        .init("chorus_database_refusals_total", .counter, .all, [], "How often a caller got no connection in time."),
    ]

    private static let process: [MetricDescription] = [
        .init("chorus_build_info", .gauge, .all, ["version", "role"], "1; the release, and whether this is a gateway or a worker."),
        .init(
            "chorus_event_loop_lag_seconds", .histogram, .all, [],
            "How long an event loop lets a new job wait: looked at every five seconds.", buckets: seconds),
        .init(
            "chorus_metrics_dropped_total", .counter, .all, [],
            "Series that could not be kept: there were too many, or nobody knew the name."),
        .init("chorus_spans_exported_total", .counter, .all, [], "Spans that the collector took. Told where tracing is on."),
        .init("chorus_spans_dropped_total", .counter, .all, [], "Spans that it did not take, or that came too fast."),
        .init("process_cpu_seconds_total", .counter, .all, [], "Processor time."),
        .init("process_resident_memory_bytes", .gauge, .all, [], "Memory in use."),
        .init("process_virtual_memory_bytes", .gauge, .all, [], "Address space."),
        .init("process_threads", .gauge, .all, [], "Threads."),
        .init("process_open_fds", .gauge, .all, [], "Open file descriptors."),
        .init("process_max_fds", .gauge, .all, [], "File descriptors that may be open."),
        .init("process_start_time_seconds", .gauge, .all, [], "When the process started."),
    ]
}
