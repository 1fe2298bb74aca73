import AMQP
import Domain
import Foundation
import Logging
import Postgres
import Queues
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct MainJobTests {
    /// Two projects and their tasks go in over HTTP, through RabbitMQ, through workers, to an engine over HTTP, into PostgreSQL.
    @Test func fourHundredTasksOfTwoProjects() async throws {
        try await DevSystem.with(["--workers", "2", "--engine-latency", "20ms"]) { system in
            for name in ["First", "Second"] {
                let project = try await system.makeProject(name)
                #expect(try await system.submit(200, to: project).count == 200)
            }
            try await system.waitForCompleted(400, within: .seconds(60))
            try await Self.expectWholeHistories(system, tasks: 400)
            #expect(try await system.count("SELECT count(DISTINCT assigned_worker_id) FROM tasks") == 2, "both workers took part")
            // Each new project was checked from where its work runs.
            try await eventually("both projects were checked") {
                try await system.count("SELECT count(*) FROM project_activity_log WHERE activity_type = 'engines_checked'") == 2
            }
            try await Self.expectQueues(system)
        }
    }

    /// Every task: pending → in_queue → processing → completed, one completed call, times in order.
    static func expectWholeHistories(_ system: DevSystem, tasks: Int) async throws {
        #expect(
            try await system.count(
                """
                SELECT count(*) FROM (
                    SELECT task_id, string_agg(status_to, ' ' ORDER BY changed_at, history_id) AS path FROM task_history GROUP BY task_id
                ) AS paths WHERE path = 'pending in_queue processing completed'
                """) == tasks)
        #expect(
            try await system.count(
                "SELECT count(*) FROM (SELECT task_id FROM results WHERE status = 'completed' GROUP BY task_id HAVING count(*) = 1) AS once"
            )
                == tasks)
        #expect(try await system.count("SELECT count(*) FROM results") == tasks)
        #expect(
            try await system.count("SELECT count(*) FROM tasks WHERE created_at <= started_at AND started_at <= completed_at") == tasks)
    }

    static func expectQueues(_ system: DevSystem) async throws {
        let url = try DevSystem.variables(system.folder)["CHORUS_AMQP_URL"] ?? ""
        let publisher = AMQPPublisher(
            configuration: try AMQPConfiguration(url: url), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            try await publisher.waitUntilConnected(timeout: .seconds(10))
            let queues = Partitioning.standard.taskQueues.map(QueueNames.tasks)
            let statuses = try await publisher.status(of: queues)
            #expect(statuses.compactMap { $0?.name } == queues)
            #expect(statuses.allSatisfy { $0?.consumerCount == 2 && $0?.messageCount == 0 })
            group.cancelAll()
        }
    }

    /// SIGTERM: what runs is finished or handed back, and no retry is spent.
    @Test func aWorkerDrains() async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "20", "--engine-latency", "1s"]) { system in
            let project = try await system.makeProject("Drain")
            _ = try await system.submit(100, to: project)
            try await eventually("tasks run") { try await system.count("SELECT count(*) FROM tasks WHERE status = 'processing'") >= 30 }
            let worker = try #require(try system.pids("CHORUS_WORKER_PIDS").first)
            kill(worker, SIGTERM)
            try await system.waitForCompleted(100, within: .seconds(60))
            #expect(try await system.count("SELECT count(*) FROM results WHERE status <> 'completed'") == 0)
            #expect(try await system.count("SELECT count(*) FROM workers WHERE status = 'stopped'") == 1)
            #expect(try await system.count("SELECT coalesce(sum(retry_count), 0)::bigint FROM tasks") == 0)
        }
    }

    /// Errors that pass are tried again until they passed.
    @Test func aFailingEngineIsTriedAgain() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "5ms", "--engine-error-rate", "0.2"]) { system in
            let project = try await system.makeProject("Errors")
            _ = try await system.submit(100, to: project)
            try await eventually("all have ended", within: .seconds(90), every: .milliseconds(200)) {
                try await system.count("SELECT count(*) FROM tasks WHERE status NOT IN ('completed', 'failed')") == 0
            }
            // Three retries against one in five: all but a few come through, and those that do not say why.
            #expect(try await system.count("SELECT count(*) FROM tasks WHERE status = 'completed'") >= 90)
            #expect(try await system.count("SELECT count(*) FROM tasks WHERE status = 'failed' AND error_message IS NULL") == 0)
            #expect(try await system.count("SELECT count(*) FROM results WHERE status = 'failed'") > 0)
        }
    }
}
