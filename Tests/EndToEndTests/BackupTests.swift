import Domain
import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@testable import Operations

/// The Backup Store as an operator uses it.
@Suite(.serialized, .timeLimit(.minutes(6))) struct BackupTests {
    /// `chorus backup ARGUMENTS`: its exit status, and all that it says.
    private func backup(_ fleet: Fleet, _ arguments: [String], extra: [String: String] = [:]) async throws -> (ProcessExit?, String) {
        let child = try await fleet.start(["backup"] + arguments, extra: extra)
        guard let exit = await child.exit() else { throw CancellationError() }
        return (exit, try String(contentsOfFile: child.log.path, encoding: .utf8))
    }

    private func listed(_ fleet: Fleet, _ target: String) async throws -> [JSONValue] {
        let (exit, text) = try await backup(fleet, ["list", "--target", target, "--json"])
        try #require(exit == .exited(0), "\(text)")
        return try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(depth: 8))["data"]?.arrayValue ?? []
    }

    private func history(_ fleet: Fleet, _ operation: String, _ status: String) async throws -> Int {
        try await fleet.count(
            "SELECT count(*) FROM backup_history WHERE operation_type = \(operation) AND status = \(status)")
    }

    @Test func aBackupBringsEverythingBackAndUnfinishedTasksComplete() async throws {
        try await Fleet.with(engineLatency: "300ms") { fleet in
            let target = "\(fleet.folder)/backups"
            let url = try #require(fleet.environment["CHORUS_DATABASE_URL"])
            let gateway = try await fleet.startGateway()
            let worker = try await fleet.start(["worker"], extra: ["CHORUS_WORKER_CONCURRENCY": "4"])
            let project = try await fleet.makeProject("Kept")
            _ = try await fleet.submit(60, to: project)
            try await eventually("some are done, some under way", within: .seconds(30)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") >= 8
            }
            let (made, words) = try await backup(fleet, ["create", "--target", target])
            try #require(made == .exited(0), "\(words)")
            let (verified, report) = try await backup(fleet, ["verify", "--target", target])
            #expect(verified == .exited(0), "\(report)")
            #expect(report.contains("60 tasks, "))
            #expect(try await history(fleet, "create", "completed") == 1)
            #expect(try await history(fleet, "verify", "completed") == 1)

            await worker.terminate(signal: SIGKILL, grace: .seconds(5))
            await gateway.terminate(signal: SIGKILL, grace: .seconds(5))
            let name = try #require(try PostgresConfiguration(url: url).databaseName)
            let server = try PostgresConfiguration(url: url).connecting(to: "postgres").url
            let (refused, refusal) = try await backup(fleet, ["restore", "--target", target])
            #expect(refused == .exited(1) && refusal.contains("is not empty"), "\(refusal)")
            try await TestDatabase(at: server).execute("DROP DATABASE \"\(name)\" WITH (FORCE)")
            try await TestDatabase(at: server).execute("CREATE DATABASE \"\(name)\"")
            // The table of backups is gone with the database: the target knows.
            #expect(try await listed(fleet, target).map { $0["state"]?.stringValue } == ["good"])
            let (restored, answer) = try await backup(fleet, ["restore", "--target", target])
            try #require(restored == .exited(0), "\(answer)")
            #expect(try await history(fleet, "restore", "completed") == 1)

            let secondGateway = try await fleet.startGateway()
            let secondWorker = try await fleet.start(["worker"])
            try await eventually("all complete", within: .seconds(60)) {
                try await fleet.count("SELECT count(*) FROM tasks WHERE status = 'completed'") == 60
            }
            let (holds, laws) = try await fleet.verify()
            #expect(holds == .exited(0), "\(laws)")
            await secondWorker.terminate(grace: .seconds(30))
            await secondGateway.terminate(grace: .seconds(30))
        }
    }

    @Test func damageIsFoundAndNothingIsTouched() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let target = "\(fleet.folder)/backups"
            let (made, words) = try await backup(fleet, ["create", "--target", target])
            try #require(made == .exited(0), "\(words)")
            let file = try #require(
                try FileManager.default.contentsOfDirectory(atPath: target).first { $0.hasSuffix(".dump") }.map { "\(target)/\($0)" })
            var bytes = try #require(FileManager.default.contents(atPath: file))
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: URL(filePath: file))
            for arguments in [["verify", "--quick"], ["verify"], ["restore"]] {
                let (exit, words) = try await backup(fleet, [arguments[0], "--target", target] + arguments.dropFirst())
                #expect(exit == .exited(1) && words.contains("is not what was written"), "\(arguments): \(words)")
            }
            #expect(try await history(fleet, "verify", "failed") == 2)
            #expect(try await history(fleet, "restore", "failed") == 1)
            // Shorter is seen without reading it.
            try bytes.dropLast().write(to: URL(filePath: file))
            #expect(try await listed(fleet, target).map { $0["state"]?.stringValue } == ["damaged"])
            // And a dump that cannot be made leaves its reason, and no file.
            let (failed, reason) = try await backup(
                fleet, ["create", "--target", target], extra: ["CHORUS_BACKUP_KEY_FILE": "\(fleet.folder)/no-such-key"])
            #expect(failed == .exited(1), "\(reason)")
            #expect(try await history(fleet, "create", "failed") == 1)
            let left = try FileManager.default.contentsOfDirectory(atPath: target)
            #expect(left.count == 2, "\(left)")
        }
    }

    @Test func oneThatWasKilledIsNeverCalledGood() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let target = "\(fleet.folder)/backups"
            _ = try await Fleet.withDatabase(fleet.environment["CHORUS_DATABASE_URL"] ?? "") { database in
                // Enough that a dump takes a moment.
                try await database.execute(
                    "CREATE TABLE ballast AS SELECT n, md5(n::text) || md5((n + 1)::text) AS text FROM generate_series(1, 200000) n")
            }
            for kill in 0..<20 {
                let child = try await fleet.start(["backup", "create", "--target", target])
                _ = try? await waitUntil(within: .milliseconds(30 * kill), every: .milliseconds(5)) { child.exitIfKnown != nil }
                await child.terminate(signal: SIGKILL, grace: .seconds(5))
            }
            // And one that is known to have begun.
            let pending = { try await fleet.count("SELECT count(*) FROM backup_metadata WHERE status = 'pending'") }
            let before = try await pending()
            let child = try await fleet.start(["backup", "create", "--target", target])
            try await eventually("it is on record", every: .milliseconds(2)) { try await pending() > before }
            await child.terminate(signal: SIGKILL, grace: .seconds(5))
            for entry in try await listed(fleet, target) where entry["state"]?.stringValue == "good" {
                // One that got through before its kill has to be whole.
                let (exit, words) = try await backup(fleet, ["verify", "--target", target, entry["backup_id"]?.stringValue ?? ""])
                #expect(exit == .exited(0), "\(words)")
            }
            // Those that were killed show as what they are, and one in peace is good.
            let (made, words) = try await backup(fleet, ["create", "--target", target])
            try #require(made == .exited(0), "\(words)")
            #expect(try await listed(fleet, target).first?["state"]?.stringValue == "good")
            #expect(try await pending() > 0)
        }
    }

    @Test func encryptedAndRemoteOnesComeBackToo() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let key = "\(fleet.folder)/key"
            try await ChildProcess.run(
                ProcessCommand(executable: "/usr/bin/age-keygen", arguments: ["--output", key], logPath: "\(fleet.folder)/age.log"),
                within: .seconds(10))
            try FileManager.default.createDirectory(atPath: "\(fleet.folder)/remote", withIntermediateDirectories: false)
            for target in ["\(fleet.folder)/encrypted", "rclone::local:\(fleet.folder)/remote"] {
                let (made, words) = try await backup(fleet, ["create", "--target", target, "--key-file", key])
                try #require(made == .exited(0), "\(words)")
                let (verified, report) = try await backup(fleet, ["verify", "--target", target, "--key-file", key])
                #expect(verified == .exited(0), "\(report)")
                let (refused, refusal) = try await backup(fleet, ["verify", "--target", target])
                #expect(refused == .exited(1) && refusal.contains("its key file is needed"), "\(refusal)")
                let files = try FileManager.default.contentsOfDirectory(
                    atPath: target.replacingOccurrences(of: "rclone::local:", with: ""))
                #expect(files.filter { $0.hasSuffix(".dump.age") }.count == 1 && files.count == 2, "\(files)")
            }
        }
    }

    @Test func whatIsTooOldGoesAndTheNewestStay() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let target = "\(fleet.folder)/backups"
            for _ in 0..<3 {
                let (made, words) = try await backup(fleet, ["create", "--target", target, "--retention", "1"])
                try #require(made == .exited(0), "\(words)")
            }
            // Two of them were made long ago, says their manifest.
            let manifests = try FileManager.default.contentsOfDirectory(atPath: target).filter { $0.hasSuffix(".json") }.sorted()
            for name in manifests.prefix(2) {
                let text = try String(contentsOfFile: "\(target)/\(name)", encoding: .utf8)
                let old = text.replacing(/"created_at" : "20\d\d/, with: "\"created_at\" : \"2020")
                try old.write(toFile: "\(target)/\(name)", atomically: true, encoding: .utf8)
            }
            let (_, trial) = try await backup(fleet, ["prune", "--target", target, "--keep", "1", "--dry-run"])
            #expect(trial.split(separator: "\n").count == 2, "\(trial)")
            #expect(try await listed(fleet, target).count == 3)
            let (pruned, words) = try await backup(fleet, ["prune", "--target", target, "--keep", "2"])
            #expect(pruned == .exited(0) && words.split(separator: "\n").count == 1, "\(words)")
            #expect(try await listed(fleet, target).map { $0["state"]?.stringValue } == ["good", "good"])
            #expect(try await history(fleet, "prune", "completed") == 1)
            #expect(try await fleet.count("SELECT count(*) FROM backup_metadata WHERE status = 'pruned'") == 1)
        }
    }
}
