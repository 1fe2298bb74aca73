import Foundation

@testable import Operations

/// What is kept of a run that failed: the log of what happened when, the logs of all processes and servers, the engine's record, and the
/// database as `pg_dump` writes it.
struct ChaosEvidence {
    let seed: UInt64
    let system: ChaosFleet

    /// Gives the folder, which outlives the tests.
    func keep(_ words: String) async -> String {
        let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        let folder = "\(temporary)/chorus-chaos-\(seed)-\(UInt16.random(in: 0 ... .max))"
        do {
            try FileManager.default.copyItem(atPath: system.fleet.folder, toPath: folder)
            try "\(words)\n\n\(system.log.text)\n".write(toFile: "\(folder)/report.txt", atomically: true, encoding: .utf8)
            for (name, server) in [("postgres", system.fleet.postgres.dataDirectory), ("rabbitmq", system.fleet.rabbitMQ.dataDirectory)] {
                try? FileManager.default.copyItem(atPath: "\(server)/server.log", toPath: "\(folder)/\(name).log")
            }
            try await dump(to: "\(folder)/database.sql")
        } catch {
            return "\(folder) (not all of it: \(error))"
        }
        return folder
    }

    private func dump(to path: String) async throws {
        try await ChildProcess.run(
            ProcessCommand(
                executable: try ServerProgram.postgres("pg_dump"),
                arguments: ["--file", path, "--dbname", system.fleet.environment["CHORUS_DATABASE_URL"] ?? ""],
                environment: ServerProgram.baseEnvironment, logPath: "\(path).log"),
            within: .seconds(60))
    }
}
