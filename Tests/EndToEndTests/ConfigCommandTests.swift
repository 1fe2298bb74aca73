import Foundation
import TestSupport
import Testing

@testable import Operations
@testable import chorus

@Suite(.timeLimit(.minutes(1))) struct ConfigCommandTests {
    @Test(
        "A URL is shown without its password, however odd that is",
        arguments: [
            ("postgresql://chorus:s3cret@db:5432/chorus?sslmode=require", "postgresql://chorus:…@db:5432/chorus"),
            ("postgresql://chorus:s3@cret@db/chorus", "postgresql://chorus:…@db/chorus"),
            ("postgresql://db/chorus?password=s3cret", "postgresql://db/chorus"),
            ("amqp://guest:s3cret@mq:5672/", "amqp://guest:…@mq:5672/"),
            ("postgresql://db/chorus", "postgresql://db/chorus"),
            ("s3cret", "…"),
            ("env:DATABASE", "env:DATABASE"),
            ("credential:chorus_database_url", "credential:chorus_database_url"),
        ])
    func shown(_ text: String, _ expected: String) throws {
        let key = try #require(ConfigurationKey.all.first { $0.name == "database.url" })
        #expect(key.shown(text) == expected)
    }

    @Test("Each value says where it comes from, and a wrong one stops the check with its line")
    func command() async throws {
        let folder = try await TestFolder.fresh("config")
        let file = "\(folder)/chorus.yaml"
        try "http:\n  port: 9000\n  host: 127.0.0.1\n".write(toFile: file, atomically: true, encoding: .utf8)
        let (shown, table) = try await run(["show", "--changed", "--config", file], folder, ["CHORUS_AMQP_URL": "amqp://u:s3cret@mq/"])
        #expect(shown == .exited(0))
        #expect(table.contains("\(file):2"))
        #expect(table.contains("CHORUS_AMQP_URL") && table.contains("amqp://u:…@mq/") && !table.contains("s3cret"), "\(table)")
        #expect(!table.contains("http.body_limit"))
        try "postgresql://u:s3cret@db/chorus".write(toFile: "\(folder)/url", atomically: true, encoding: .utf8)
        let credentials = ["CHORUS_DATABASE_URL": "credential:url", "CREDENTIALS_DIRECTORY": folder]
        let (_, json) = try await run(["show", "--json"], folder, credentials)
        #expect(!json.contains("s3cret"))
        #expect(json.contains(#""origin":"credential""#) && json.contains("credential:url"), "\(json)")
        try "http:\n  port: 90000\n".write(toFile: file, atomically: true, encoding: .utf8)
        let (checked, words) = try await run(["check", "--config", file], folder, [:])
        #expect(checked == .exited(1) && words.contains("\(file):2: http.port must be"), "\(words)")
    }

    private func run(_ arguments: [String], _ folder: String, _ environment: [String: String]) async throws -> (ProcessExit?, String) {
        let child = try await ChildProcess.start(
            ProcessCommand(
                executable: try DevSystem.executable, arguments: ["config"] + arguments,
                environment: environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }, logPath: "\(folder)/\(arguments[0]).log"))
        let exit = await child.exit()
        return (exit, try String(contentsOfFile: child.log.path, encoding: .utf8))
    }
}
