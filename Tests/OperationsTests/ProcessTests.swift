import Glibc
import TestSupport
import Testing

@testable import Operations

@Suite("Child processes", .timeLimit(.minutes(1)))
struct ProcessTests {
    private func shell(_ script: String, environment: [String: String] = [:]) async throws -> ProcessCommand {
        let folder = try await TestFolder.fresh("shell")
        return ProcessCommand(
            executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 },
            logPath: "\(folder)/log")
    }

    @Test("tell how they ended")
    func exitStatus() async throws {
        #expect(await (try ChildProcess.start(shell("exit 7"))).exit() == .exited(7))
        #expect(await (try ChildProcess.start(shell("kill -9 $$"))).exit() == .signalled(9))
    }

    @Test("get exactly the environment that was meant for them, and default signal handling")
    func environment() async throws {
        let command = try await shell("env | sort; exit 3", environment: ["ONLY": "this"])
        let child = try await ChildProcess.start(command)
        let exit = try #require(await child.exit())
        let failure = child.failure(exit)
        #expect(failure.message.contains("ONLY=this"))
        #expect(!failure.message.contains("HOME="))
    }

    @Test("end at once when they heed the signal, and by SIGKILL when they do not")
    func termination() async throws {
        let willing = try await ChildProcess.start(shell("trap 'exit 0' TERM; sleep 60 & wait"))
        let stubborn = try await ChildProcess.start(shell("trap '' TERM; echo set; while :; do sleep 60; done"))
        try await eventually("the trap is set") { stubborn.log.tail() == "set" }
        let start = ContinuousClock.now
        _ = await willing.terminate(grace: .seconds(30))
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(await stubborn.terminate(grace: .milliseconds(100)) == .signalled(SIGKILL))
        // The session's own child of the stubborn shell is cut off from it only by its end.
        #expect(ProcessIdentity(pid: stubborn.pid) == nil)
    }

    @Test("let go of one who waits and is cancelled")
    func cancelledWait() async throws {
        let child = try await ChildProcess.start(shell("exec sleep 60"))
        let waiting = Task { await child.exit() }
        waiting.cancel()
        #expect(await waiting.value == nil)
        #expect(child.exitIfKnown == nil)
        await child.terminate(grace: .seconds(5))
    }

    @Test("that do one thing report failure with their last words, and are killed when they take too long")
    func commands() async throws {
        let failure = await #expect(throws: OperationsError.self) {
            try await ChildProcess.run(shell("echo last words >&2; exit 1"), within: .seconds(10))
        }
        #expect(failure?.code == .processFailed)
        #expect(failure?.message.contains("last words") == true)
        await #expect(throws: OperationsError.self) {
            try await ChildProcess.run(shell("exec sleep 60"), within: .milliseconds(100))
        }
    }

    @Test("need a program that exists")
    func missingProgram() async throws {
        let folder = try await TestFolder.fresh("missing")
        await #expect(throws: OperationsError.self) {
            _ = try await ChildProcess.start(ProcessCommand(executable: "/nonexistent", logPath: "\(folder)/log"))
        }
    }

    @Test("leave the log of the start before readable")
    func logRotation() async throws {
        var command = try await shell("echo first")
        try await ChildProcess.run(command, within: .seconds(10))
        command.arguments = ["-c", "echo second"]
        try await ChildProcess.run(command, within: .seconds(10))
        #expect(ProcessLog(path: command.logPath).tail() == "second")
        #expect(ProcessLog(path: command.logPath + ".1").tail() == "first")
    }

    @Test("are told apart by their start time, and known by the folder that they name")
    func identity() async throws {
        let child = try await ChildProcess.start(shell("exec sleep 60", environment: ["FOLDER": "/some/folder"]))
        let identity = try #require(ProcessIdentity(pid: child.pid))
        try await eventually("the program runs") { identity.mentions("/some/folder") }
        #expect(ProcessIdentity(description: identity.description) == identity)
        #expect(ProcessIdentity(description: "\(child.pid) 1") == nil)
        #expect(ProcessIdentity(description: "nonsense") == nil)
        #expect(!identity.mentions("/another/folder"))
        try await identity.terminate(signal: SIGTERM, grace: .seconds(5))
        #expect(!identity.isRunning)
    }
}
