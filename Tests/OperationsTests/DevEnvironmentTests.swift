import FoundationEssentials
import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Operations

@Suite("A development environment", .timeLimit(.minutes(3)))
struct DevEnvironmentTests {
    /// Stands in for the program: listens where the engine and the gateway would, waits where a worker would.
    private static let program = #"""
        #!/usr/bin/perl
        use strict; use warnings; use IO::Socket::INET;
        $SIG{TERM} = sub { exit 0 };
        my $port = $ARGV[0] eq 'gateway' ? $ENV{CHORUS_HTTP_PORT} : $ARGV[0] eq 'simulate-engine' ? $ARGV[2] : 0;
        while (!$port) { sleep 1 }
        my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die $!;
        while (1) { my $peer = $listener->accept or next; my $line = <$peer>; print $peer "HTTP/1.1 200 OK\r\n\r\n"; close $peer }
        """#

    private func environment(in folder: String, printed: @escaping @Sendable (String) -> Void) throws -> DevEnvironment {
        let program = "\(folder)/chorus"
        try AtomicFile.write(Self.program, to: program)
        #expect(chmod(program, 0o755) == 0)
        let hooks = DevEnvironment.Hooks(
            prepare: { context in
                DevPreparation(published: ["CHORUS_API_KEY": context.earlier["CHORUS_API_KEY"] ?? "chs_\(UInt64.random(in: 0 ... .max))"])
            },
            areWorkersUp: { _, _ in true }, print: printed)
        return DevEnvironment(
            options: DevOptions(dataDirectory: "\(folder)/data", workers: 2), executable: program,
            environment: ["PATH": "/usr/bin:/bin"], hooks: hooks, logger: Logger(label: "test.dev") { _ in SwiftLogNoOpLogHandler() })
    }

    private func variables(_ folder: String) -> [String: String] {
        AtomicFile.read("\(folder)/data/dev.env").map { DevEnvironmentFile.parse($0) } ?? [:]
    }

    /// Runs `body` beside the environment once that is ready, then stops it as SIGTERM would.
    private func whileRunning(_ folder: String, _ body: ([String: String]) async throws -> Void) async throws {
        let printed = Mutex<[String]>([])
        let group = ServiceGroup(
            services: [try environment(in: folder) { line in printed.withLock { $0.append(line) } }],
            logger: Logger(label: "test.dev") { _ in SwiftLogNoOpLogHandler() })
        let hasEnded = Flag()
        let running = Task {
            defer { hasEnded.set() }
            try await group.run()
        }
        do {
            try await eventually("all is ready", within: .seconds(60)) {
                hasEnded.isSet || printed.withLock { !$0.isEmpty }
            }
            if hasEnded.isSet { try await running.value }
            let variables = variables(folder)
            #expect(printed.withLock { $0 } == ["ready \(variables["CHORUS_URL"] ?? "")"])
            try await body(variables)
        } catch {
            await group.triggerGracefulShutdown()
            try? await running.value
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("starts everything, starts again what dies, stops everything, and goes on from its data")
    func life() async throws {
        let folder = try await TestFolder.fresh("dev")
        let first = Mutex<[String: String]>([:])
        try await whileRunning(folder) { variables in
            first.withLock { $0 = variables }
            var status = stat()
            #expect(stat("\(folder)/data/dev.env", &status) == 0 && status.st_mode & 0o777 == 0o600)
            let workers = try #require(variables["CHORUS_WORKER_PIDS"]).split(separator: " ").compactMap { Int32($0) }
            #expect(workers.count == 2)
            for name in ["CHORUS_GATEWAY_PID", "CHORUS_POSTGRES_PID", "CHORUS_RABBITMQ_PID"] {
                let pid = try #require(variables[name].flatMap { Int32($0) })
                #expect(ProcessIdentity(pid: pid) != nil)
            }
            let postgres = try #require(variables["CHORUS_POSTGRES_PID"].flatMap { Int32($0) })
            kill(workers[0], SIGKILL)
            kill(postgres, SIGKILL)
            try await eventually("both are back", within: .seconds(60)) {
                let now = self.variables(folder)
                return now["CHORUS_WORKER_PIDS"] != variables["CHORUS_WORKER_PIDS"]
                    && now["CHORUS_POSTGRES_PID"] != variables["CHORUS_POSTGRES_PID"] && now["CHORUS_POSTGRES_PID"] != nil
            }
            try await TestDatabase(at: try #require(variables["CHORUS_DATABASE_URL"])).execute("CREATE TABLE kept (x int)")
            await #expect(throws: OperationsError.self) {
                try await self.environment(in: folder) { _ in }.run()
            }
        }
        let last = variables(folder)
        let pids = ["CHORUS_GATEWAY_PID", "CHORUS_WORKER_PIDS", "CHORUS_POSTGRES_PID", "CHORUS_RABBITMQ_PID"]
            .flatMap { last[$0, default: ""].split(separator: " ").compactMap { Int32($0) } }
        #expect(pids.count == 5 && pids.allSatisfy { ProcessIdentity(pid: $0) == nil })

        try await whileRunning(folder) { variables in
            for name in ["CHORUS_URL", "CHORUS_API_KEY", "CHORUS_DATABASE_URL", "CHORUS_AMQP_URL", "CHORUS_ENGINE_URL"] {
                #expect(variables[name] == first.withLock { $0[name] })
            }
            try await TestDatabase(at: try #require(variables["CHORUS_DATABASE_URL"])).execute("SELECT * FROM kept")
        }
    }

    @Test("stops well in the middle of its start")
    func earlyStop() async throws {
        let folder = try await TestFolder.fresh("dev")
        let group = ServiceGroup(
            services: [try environment(in: folder) { _ in }], logger: Logger(label: "test.dev") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { try await group.run() }
        try await eventually("the first server begins", within: .seconds(60)) { access("\(folder)/data/postgres/server.pid", F_OK) == 0 }
        await group.triggerGracefulShutdown()
        try await running.value
        // The broker's helpers read the end of their input a moment after it.
        try await eventually("nobody is left") {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
                .compactMap { ProcessIdentity(pid: $0) }.allSatisfy { $0.pid == getpid() || !$0.mentions("\(folder)/data") }
        }
    }
}
