import Domain
import Foundation
import HTTPTypes
import Operations
import Postgres
import Store
import TestSupport
import Testing

@testable import Worker

/// The servers go away and come back; nothing that was paid for is lost, and what can go on goes on.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DegradedTests {
    /// Fifty calls end while the database is away, and their worker is killed before it is back: all fifty answers are recorded, and the
    /// engine is not called again.
    @Test func answersOutliveTheDatabaseAndTheWorker() async throws {
        try await Fleet.with(engineLatency: "4s") { fleet in
            let gateway = try await fleet.startGateway()
            let state = "\(fleet.folder)/state"
            let variables = ["CHORUS_WORKER_STATE_DIRECTORY": state, "CHORUS_WORKER_CONCURRENCY": "64"]
            let worker = try await fleet.start(["worker"], extra: variables)
            let project = try await fleet.makeProject("Away")
            #expect(try await fleet.submit(50, to: project).0.status == .created)
            try await eventually("all calls are under way", within: .seconds(30)) {
                try await fleet.engineStats()["in_flight"]?.intValue == 50
            }
            await fleet.postgres.kill()

            // Its sessions outlive it by a moment: what is handed in meanwhile may have been stored, and is answered with 504.
            try await eventually("the gateway knows that the database is away", within: .seconds(10)) {
                try await fleet.request(.get, "/readyz").0.status == .serviceUnavailable
            }
            let refused = try await fleet.submit(1, to: project)
            #expect(refused.0.status == .serviceUnavailable)
            #expect(refused.0.headerFields[.retryAfter] != nil)
            try await eventually("all answers are in the journal", within: .seconds(30), every: .milliseconds(100)) {
                JournalFormat.read(Array(try Data(contentsOf: URL(filePath: "\(state)/journal")))).payloads.count == 50
            }
            worker.signal(SIGKILL)
            _ = await worker.exit()

            try await fleet.postgres.start()
            let successor = try await fleet.start(["worker"], extra: variables)
            try await eventually("all tasks are completed", within: .seconds(60), every: .milliseconds(100)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 50
            }
            #expect(try await fleet.count("SELECT count(*) FROM results WHERE status = 'completed'") == 50)
            #expect(try await fleet.count("SELECT count(*) FROM results") == 50)
            let stats = try await fleet.engineStats()
            #expect(stats["calls"] == 50 && stats["keys_called_twice"] == 0)
            try await eventually("the journal is empty") { try Data(contentsOf: URL(filePath: "\(state)/journal")).isEmpty }
            let (exit, words) = try await fleet.verify()
            #expect(exit == .exited(0), "\(words)")
            #expect(words.contains("50 tasks, \(Law.allCases.count) laws hold"), "\(words)")
            await successor.terminate(grace: .seconds(30))
            await gateway.terminate(grace: .seconds(30))
        }
    }

    /// Without the broker tasks are accepted, and run when it is back.
    @Test func acceptsWithoutTheBroker() async throws {
        try await Fleet.with(engineLatency: "10ms") { fleet in
            let gateway = try await fleet.startGateway()
            let worker = try await fleet.start(["worker"])
            let project = try await fleet.makeProject("No broker")
            try await eventually("the broker is there") { try await fleet.request(.get, "/readyz").1["warnings"] == [] }
            await fleet.rabbitMQ.kill()
            #expect(try await fleet.submit(20, to: project).0.status == .created)
            try await eventually("its absence is a warning") { try await fleet.request(.get, "/readyz").1["warnings"] != [] }
            #expect(try await fleet.request(.get, "/readyz").0.status == .ok)
            #expect(try await fleet.submit(20, to: project).0.status == .created)
            #expect(try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 0)
            try await fleet.rabbitMQ.start()
            try await eventually("all tasks are completed", within: .seconds(60), every: .milliseconds(100)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 40
            }
            await worker.terminate(grace: .seconds(30))
            await gateway.terminate(grace: .seconds(30))
        }
    }
}
