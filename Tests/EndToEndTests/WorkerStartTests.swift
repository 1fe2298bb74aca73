import Domain
import Foundation
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import Operations

/// What a worker must know before it takes a task.
@Suite(.serialized, .timeLimit(.minutes(3))) struct WorkerStartTests {
    /// Tasks wait while a worker starts that cannot read the engines yet; without one, they would fail for good.
    @Test func noTaskIsTakenBeforeTheEnginesAreKnown() async throws {
        try await Fleet.with(engineLatency: "10ms") { fleet in
            let gateway = try await fleet.startGateway()
            let project = try await fleet.makeProject("Early")
            let (response, _) = try await fleet.submit(20, to: project)
            #expect(response.status == .created)
            try await Self.execute("ALTER TABLE engines RENAME TO engines_elsewhere", fleet)
            let worker = try await fleet.start(["worker"])
            try await eventually("it looks for the engines", within: .seconds(30)) {
                try String(contentsOfFile: worker.log.path, encoding: .utf8).contains("the engines could not be read")
            }
            #expect(try await fleet.count("SELECT count(*) FROM workers") == 0)
            #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE status IN ('pending', 'in_queue')") == 20)
            try await Self.execute("ALTER TABLE engines_elsewhere RENAME TO engines", fleet)
            try await eventually("all are completed", within: .seconds(30)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 20
            }
            #expect(try await fleet.count("SELECT count(*) FROM results") == 20)
            await worker.terminate(grace: .seconds(10))
            await gateway.terminate(grace: .seconds(10))
        }
    }

    /// Engines that are applied after the workers' start serve the next task.
    @Test func theFirstEngineServesAtOnce() async throws {
        try await Fleet.with(engineLatency: "10ms") { fleet in
            try await Self.execute("CREATE TABLE engines_aside AS SELECT * FROM engines", fleet)
            try await Self.execute("DELETE FROM engines", fleet)
            let gateway = try await fleet.startGateway()
            let worker = try await fleet.start(["worker"])
            let project = try await fleet.makeProject("First")
            try await eventually("the worker has looked for engines", within: .seconds(30)) {
                try await fleet.count("SELECT count(*) FROM workers WHERE status = 'alive'") == 1
            }
            try await Self.execute("INSERT INTO engines SELECT * FROM engines_aside", fleet)
            try await eventually("the gateway knows the engine", within: .seconds(30)) {
                try await fleet.submit(5, to: project).0.status == .created
            }
            try await eventually("all have ended", within: .seconds(30)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status IN ('completed', 'failed')") == 5
            }
            #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 5)
            await worker.terminate(grace: .seconds(10))
            await gateway.terminate(grace: .seconds(10))
        }
    }

    private static func execute(_ statement: PostgresQuery, _ fleet: Fleet) async throws {
        _ = try await Fleet.withDatabase(fleet.environment["CHORUS_DATABASE_URL"] ?? "") { try await $0.execute(statement) }
    }
}
