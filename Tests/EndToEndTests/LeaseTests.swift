import Domain
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Operations

/// A worker dies, stands still, or loses its session: its tasks run elsewhere in time, or go on undisturbed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LeaseTests {
    struct Busy: Sendable {
        var id: UUID
        var pid: Int32
        var running: Int
    }

    /// Waits until all tasks run, and gives the worker with the most of them.
    private static func busiest(_ system: DevSystem, tasks: Int) async throws -> Busy {
        try await eventually("all tasks run", within: .seconds(30)) {
            try await system.count("SELECT count(*) FROM tasks WHERE status = 'processing'") == tasks
        }
        return try #require(
            try await system.database.query(
                """
                SELECT worker_id, process_id, count(*) FROM workers JOIN tasks ON assigned_worker_id = worker_id
                WHERE tasks.status = 'processing' GROUP BY worker_id ORDER BY count(*) DESC LIMIT 1
                """
            ) { row in
                let (id, pid, running) = try row.decode(UUID.self, Int32.self, Int.self)
                return Busy(id: id, pid: pid, running: running)
            }.first)
    }

    static func verify(_ system: DevSystem) async throws {
        var environment = ProcessInfo.processInfo.environment
        for (name, value) in try DevSystem.variables(system.folder) { environment[name] = value }
        let child = try await ChildProcess.start(
            ProcessCommand(
                executable: try DevSystem.executable, arguments: ["verify", "--grace", "20s"], environment: environment,
                logPath: "\(system.folder)/verify.log"))
        let exit = await child.exit()
        #expect(exit == .exited(0), "\(child.log.tail())")
    }

    @Test func tasksOfAKilledWorkerRunElsewhereAtOnce() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "10", "--engine-latency", "5s"]) { system in
            let project = try await system.makeProject("Killed")
            _ = try await system.submit(10, to: project)
            let worker = try await Self.busiest(system, tasks: 10)
            let start = ContinuousClock.now
            kill(worker.pid, SIGKILL)
            try await eventually("its tasks run elsewhere", within: .seconds(20), every: .milliseconds(10)) {
                try await system.count("SELECT count(*) FROM tasks WHERE status = 'processing' AND attempt = 2") == worker.running
            }
            print("\(worker.running) tasks of a killed worker ran elsewhere after \((ContinuousClock.now - start) / .milliseconds(1)) ms")
            // Promised are 2 s; a machine that builds and tests at the same time gets more.
            #expect(ContinuousClock.now - start < .seconds(6))
            try await system.waitForCompleted(10, within: .seconds(60))
            try await Self.verify(system)
        }
    }

    /// A claim is committed and its answer lost: the worker lives, and does not know of the task.
    @Test func aClaimThatTheWorkerDoesNotKnowIsHandedOn() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "10ms"], variables: ["CHORUS_WORKER_LEASE": "3s"]) { system in
            let project = try await system.makeProject("Unknown")
            _ = try await system.submit(5, to: project)
            try await system.waitForCompleted(5, within: .seconds(30))
            try await system.database.transaction { connection in
                for sql: PostgresQuery in [
                    """
                    INSERT INTO tasks (task_id, project_id, user_id, task_type, priority, status, input_data, available_at)
                    SELECT gen_random_uuid(), project_id, user_id, task_type, priority, 'pending', input_data, now() FROM tasks LIMIT 1
                    """,
                    "UPDATE tasks SET status = 'in_queue' WHERE status = 'pending'",
                    """
                    UPDATE tasks SET status = 'processing', attempt = 1, started_at = now(),
                        assigned_worker_id = (SELECT worker_id FROM workers WHERE status = 'alive')
                    WHERE status = 'in_queue'
                    """,
                    """
                    INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
                    SELECT chorus_uuid_v7(), task_id, 'simulated', '{}', 'pending', 1 FROM tasks WHERE status = 'processing'
                    """,
                ] { _ = try connection.execute(sql) }
            }
            try await system.waitForCompleted(6, within: .seconds(60))
            #expect(try await system.count("SELECT count(*) FROM tasks WHERE attempt = 2") == 1)
            #expect(try await system.count("SELECT count(*) FROM results WHERE status = 'unknown'") == 1)
            try await Self.verify(system)
        }
    }

    @Test func aWorkerThatStoodStillStartsAnew() async throws {
        try await DevSystem.with(
            ["--workers", "2", "--worker-concurrency", "10", "--engine-latency", "14s"], variables: ["CHORUS_WORKER_LEASE": "6s"]
        ) { system in
            let project = try await system.makeProject("Stopped")
            _ = try await system.submit(10, to: project)
            let worker = try await Self.busiest(system, tasks: 10)
            let start = ContinuousClock.now
            kill(worker.pid, SIGSTOP)
            try await eventually("it is taken for dead", within: .seconds(40), every: .milliseconds(50)) {
                try await system.count("SELECT count(*) FROM workers WHERE status = 'lost'") == 1
            }
            print("a worker that stood still was taken for dead after \((ContinuousClock.now - start) / .milliseconds(1)) ms")
            kill(worker.pid, SIGCONT)
            try await eventually("it registers anew", within: .seconds(20)) {
                try await system.count(
                    "SELECT count(*) FROM workers WHERE process_id = \(worker.pid) AND status = 'alive' AND worker_id <> \(worker.id)") == 1
            }
            // Its calls were stopped; one that was claimed and not sent yet has failed.
            try await eventually("its calls have ended", within: .seconds(20)) {
                try await system.count("SELECT count(*) FROM results WHERE attempt = 1 AND status IN ('cancelled', 'unknown', 'failed')")
                    >= worker.running
            }
            try await system.waitForCompleted(10, within: .seconds(90))
            #expect(
                try await system.count(
                    "SELECT count(*) FROM task_history WHERE status_to = 'completed' AND changed_by = \(worker.id)") == 0)
            try await Self.verify(system)
        }
    }

    /// Its own session is ended, then every session with the server's memory: the worker keeps its identity, and its calls go on.
    @Test func aLostSessionIsNotALostWorker() async throws {
        try await DevSystem.with(["--workers", "1", "--worker-concurrency", "8", "--engine-latency", "8s"]) { system in
            let project = try await system.makeProject("Session")
            _ = try await system.submit(8, to: project)
            _ = try await Self.busiest(system, tasks: 8)
            let ended = try await system.count(
                "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted) AS ended")
            #expect(ended >= 1)
            try await eventually("it holds its lock again") {
                try await system.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") >= 1
            }
            // A backend that is killed takes all sessions along: the server starts over without starting anew.
            let backend = try await system.count("SELECT min(pid)::bigint FROM pg_stat_activity WHERE backend_type = 'client backend'")
            kill(Int32(backend), SIGKILL)
            try await system.waitForCompleted(8, within: .seconds(60))
            #expect(try await system.count("SELECT count(*) FROM task_history WHERE status_to = 'retrying'") == 0)
            #expect(try await system.count("SELECT count(*) FROM workers") == 1)
            try await Self.verify(system)
        }
    }
}
