import FoundationEssentials
import Glibc
import Operations

/// The folder of this test process for everything on disk: fresh, under the system's temporary one, gone with the process.
public enum TestFolder {
    /// One attempt a process; who comes later gets the same folder, or the same error.
    private static let made = Task { try await make() }

    /// A new folder in it that nobody else uses.
    public static func fresh(_ name: String) async throws -> String {
        let path = "\(try await made.value)/\(name)-\(UInt32.random(in: 0 ... .max))"
        guard mkdir(path, 0o711) == 0 else { throw OperationsError(.system, "cannot make \(path)") }
        return path
    }

    private static func make() async throws -> String {
        let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        let path = "\(temporary)/chorus-tests-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        // Servers under another account must be able to pass through.
        guard mkdir(path, 0o711) == 0 else { throw OperationsError(.system, "cannot make \(path)") }
        try await startJanitor(of: path)
        return path
    }

    /// Deletes the folder when this process ends, even by SIGKILL: the kernel then sends the janitor, a shell, SIGTERM.
    ///
    /// The servers die at the same moment and may still write: it tries for a few seconds.
    private static func startJanitor(of path: String) async throws {
        let script = """
            sleep infinity & nap=$!
            trap 'kill $nap; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$0" && exit; sleep 0.5; done; exit 1' TERM
            echo watching
            wait
            """
        let log = "\(path)/janitor.log"
        _ = try await ChildProcess.start(
            ProcessCommand(
                executable: "/bin/sh", arguments: ["-c", script, path], environment: ["PATH": "/usr/bin:/bin"],
                logPath: log, parentDeathSignal: .terminate))
        // Until the trap is set, the signal would end the janitor before its work.
        try await eventually("the janitor watches") {
            FileManager.default.contents(atPath: log).map { !$0.isEmpty } ?? false
        }
    }
}
