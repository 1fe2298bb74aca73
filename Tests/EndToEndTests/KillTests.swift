import Domain
import Foundation
import Postgres
import TestSupport
import Testing

/// Any process is killed while tasks run, and comes back: all tasks complete, each once.
@Suite(.serialized, .timeLimit(.minutes(5))) struct KillTests {
    @Test(arguments: ["CHORUS_WORKER_PIDS", "CHORUS_GATEWAY_PID", "CHORUS_RABBITMQ_PID", "CHORUS_POSTGRES_PID"])
    func everythingCompletesAfterKilling(process: String) async throws {
        try await DevSystem.with(["--workers", "2", "--worker-concurrency", "16", "--engine-latency", "100ms"]) { system in
            let project = try await system.makeProject("Kill")
            _ = try await system.submit(400, to: project)
            try await eventually("tasks run") { try await system.count("SELECT count(*) FROM tasks WHERE status = 'completed'") >= 20 }
            let pid = try #require(try system.pids(process).first)
            kill(pid, SIGKILL)
            try await system.waitForCompleted(400, within: .seconds(90))
            // Of the attempt that counts: one that was taken for lost may still say what became of it.
            #expect(
                try await system.count(
                    """
                    SELECT count(*) FROM (
                        SELECT FROM results r JOIN tasks t USING (task_id) WHERE r.status = 'completed' AND r.attempt = t.attempt
                        GROUP BY task_id HAVING count(*) = 1) AS once
                    """) == 400)
            #expect(
                try await system.count(
                    "SELECT count(*) FROM (SELECT task_id FROM task_history WHERE status_to = 'completed' GROUP BY task_id HAVING count(*) = 1) AS once"
                )
                    == 400)
        }
    }
}
