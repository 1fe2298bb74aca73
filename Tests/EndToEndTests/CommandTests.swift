import Foundation
import Operations
import TestSupport
import Testing

/// The command itself: what it is linked with, and how it answers wrong use.
@Suite(.timeLimit(.minutes(1))) struct CommandTests {
    private func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> (Int32, String) {
        let folder = try await TestFolder.fresh("command")
        var variables = environment
        variables["PATH"] = ProcessInfo.processInfo.environment["PATH"]
        let child = try await ChildProcess.start(
            ProcessCommand(executable: executable, arguments: arguments, environment: variables, logPath: "\(folder)/output"))
        guard case .exited(let code) = await child.exit() else { throw CancellationError() }
        return (code, try String(contentsOfFile: "\(folder)/output", encoding: .utf8))
    }

    @Test func isLinkedWithoutCurl() async throws {
        let (code, libraries) = try await run("/usr/bin/ldd", [DevSystem.executable])
        #expect(code == 0)
        #expect(libraries.contains("librabbitmq.so"))
        #expect(libraries.contains("libpq.so"))
        #expect(!libraries.contains("libcurl"))
        #expect(!libraries.contains("FoundationNetworking"))
    }

    @Test(arguments: [["--nonsense"], ["task", "submit"], ["dev", "--workers", "-1"], ["simulate-engine", "--latency", "soon"]])
    func wrongUseIs64(arguments: [String]) async throws {
        let (code, output) = try await run(DevSystem.executable, arguments)
        #expect(code == 64)
        #expect(output.contains("Error:"))
    }

    /// A server that waits for its database, which everything does after a power cut, leaves well when it is told to.
    @Test(arguments: ["gateway", "worker"])
    func leavesWhileItWaitsForTheDatabase(server: String) async throws {
        let folder = try await TestFolder.fresh("waiting")
        let log = "\(folder)/output"
        let child = try await ChildProcess.start(
            ProcessCommand(
                executable: DevSystem.executable, arguments: [server],
                environment: ["CHORUS_DATABASE_URL": "postgresql://127.0.0.1:\(try LoopbackPort.free())/x", "CHORUS_HTTP_PORT": "0"],
                logPath: log))
        try await eventually("it waits") { try String(contentsOfFile: log, encoding: .utf8).contains("cannot connect to the database") }
        child.signal(SIGTERM)
        try await eventually("it has left") { child.exitIfKnown != nil }
        #expect(child.exitIfKnown == .exited(0))
    }

    @Test(arguments: [
        ("http:\n  prot: 1\n", "chorus.yaml:2: there is no key 'http.prot'"),
        ("http:\n  port: many\n", "chorus.yaml:2: http.port must be a whole number from 0 to 65535, not 'many'"),
        ("\n\nlog:\n  level: loud\n", "chorus.yaml:4: log.level must be one of"),
        ("http: 3\n", "chorus.yaml:1: the section 'http' must hold keys"),
        ("http: [\n", "not YAML"),
        ("database:\n  url: \"mysql://x:hunter2@y/z\"\n", "chorus.yaml:2: database.url"),
        ("database:\n  url: env:NOT_SET_ANYWHERE\n", "the environment variable NOT_SET_ANYWHERE, which is not set"),
    ])
    func wrongConfigurationNamesItsLine(yaml: String, message: String) async throws {
        let folder = try await TestFolder.fresh("configuration")
        try yaml.write(toFile: "\(folder)/chorus.yaml", atomically: true, encoding: .utf8)
        let (code, output) = try await run(DevSystem.executable, ["gateway", "--config", "\(folder)/chorus.yaml"])
        #expect(code == 1)
        #expect(output.contains(message), "\(output)")
        #expect(!output.contains("hunter2"))
    }

    @Test func theEnvironmentIsNamedToo() async throws {
        let (code, output) = try await run(DevSystem.executable, ["worker"], environment: ["CHORUS_WORKER_CONCURRENCY": "0"])
        #expect(code == 1)
        #expect(
            output.contains("CHORUS_WORKER_CONCURRENCY: worker.concurrency must be a whole number from 1 to 10000, not '0'"), "\(output)")
    }

    /// A certificate that is another key's stops the start, and is named by the key of the configuration.
    @Test func aWrongCertificateStopsTheStart() async throws {
        let (one, other) = (try await TestCertificate.make(), try await TestCertificate.make())
        for (certificate, key, fault) in [
            (one.certificate, other.key, "CHORUS_HTTP_TLS_KEY: http.tls_key cannot be used"),
            ("/nowhere", one.key, "CHORUS_HTTP_TLS_CERTIFICATE: http.tls_certificate cannot be used"),
            (one.certificate, "", "http.tls_key is needed beside http.tls_certificate"),
        ] {
            let (code, output) = try await run(
                DevSystem.executable, ["gateway"], environment: ["CHORUS_HTTP_TLS_CERTIFICATE": certificate, "CHORUS_HTTP_TLS_KEY": key])
            #expect(code == 1 && output.contains(fault), "\(output)")
            #expect(!output.contains("PRIVATE KEY"))
        }
    }

    /// A file is checked before it is applied: one engine answers, one is not there, one may not be called.
    @Test func checksTheEnginesOfAFile() async throws {
        let folder = try await TestFolder.fresh("engines")
        let port = try LoopbackPort.free()
        let engine = try await ChildProcess.start(
            ProcessCommand(
                executable: DevSystem.executable, arguments: ["simulate-engine", "--port", "\(port)"], environment: [:],
                logPath: "\(folder)/engine.log", parentDeathSignal: .kill))
        try await eventually("the engine listens") { LoopbackProbe.isListening(port: port) }
        func yaml(_ port: Int, _ name: String) -> String {
            "  - {name: \(name), engine_type: openai, base_url: \"http://127.0.0.1:\(port)/v1\", model: simulated}\n"
        }
        let path = "\(folder)/engines.yaml"
        try ("engines:\n" + yaml(port, "well") + yaml(1, "gone")).write(toFile: path, atomically: true, encoding: .utf8)
        let arguments = ["engines", "check", "--file", path]

        let (code, output) = try await run(DevSystem.executable, arguments)
        #expect(code == 1)
        #expect(output.contains("✔ well: simulated answers in "), "\(output)")
        #expect(output.contains("✘ gone: connection_refused"), "\(output)")
        let (well, _) = try await run(DevSystem.executable, arguments + ["well"])
        #expect(well == 0)
        let (unknown, complaint) = try await run(DevSystem.executable, arguments + ["other"])
        #expect(unknown == 64 && complaint.contains("there is no engine 'other' (known: well, gone)"), "\(complaint)")
        let hosts = ["CHORUS_ENGINES_ALLOWED_HOSTS": "api.example.com"]
        let (barred, refusal) = try await run(DevSystem.executable, arguments, environment: hosts)
        #expect(barred == 1 && refusal.contains("which engines.allowed_hosts does not name"), "\(refusal)")
        await engine.terminate(grace: .seconds(5))
    }
}
