public import Glibc
import Subprocess
import SystemPackage

/// A long-lived child of this process that cannot outlive it.
///
/// The kernel ties the parent-death signal to the *thread* that spawned the child. swift-subprocess spawns from one thread of its own
/// that lives until the process exits, so the signal means what its name says. The child has a session of its own: Ctrl-C in a
/// terminal reaches only this process, which then stops its children in the order that it wants.
public final class ChildProcess: Sendable {
    public let pid: Int32
    /// The program's name, for messages.
    public let name: String
    let log: ProcessLog
    private let latch: ExitLatch

    private init(pid: Int32, name: String, log: ProcessLog, latch: ExitLatch) {
        self.pid = pid
        self.name = name
        self.log = log
        self.latch = latch
    }

    /// Starts `command`; returns as soon as its pid is known.
    /// - Throws: `OperationsError` when it cannot be started; `CancellationError` when the task was cancelled (the child is then gone).
    public static func start(_ command: ProcessCommand) async throws -> ChildProcess {
        guard access(command.executable, X_OK) == 0 else { throw OperationsError.system("cannot run \(command.executable)") }
        let log = ProcessLog(path: command.logPath)
        let output = FileDescriptor(rawValue: try log.open())
        var options = PlatformOptions()
        options.createSession = true
        let configuration = Configuration(
            executable: .path("/usr/bin/setpriv"), arguments: Arguments(command.launcherArguments),
            environment: .custom(Dictionary(uniqueKeysWithValues: command.environment.map { (Environment.Key(stringLiteral: $0), $1) })),
            workingDirectory: "/", platformOptions: options)
        let latch = ExitLatch()
        let (pids, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(1))
        // Unstructured because the child outlives the call that starts it; its end opens the latch.
        let run = Task {
            defer { continuation.finish() }
            do {
                let result = try await Subprocess.run(
                    configuration, input: .none, output: .fileDescriptor(output, closeAfterSpawningProcess: true),
                    error: .combinedWithOutput
                ) { execution in
                    continuation.yield(execution.processIdentifier.value)
                }
                latch.open(ProcessExit(result.terminationStatus))
            } catch {
                latch.open(.unknown("\(error)"))
            }
        }
        for await pid in pids { return ChildProcess(pid: pid, name: command.name, log: log, latch: latch) }
        run.cancel()
        try Task.checkCancellation()
        throw OperationsError(.processFailed, "cannot start \(command.name): \(latch.exit?.description ?? "no reason given")")
    }

    /// Runs `command` to its end, for programs that do one thing.
    /// - Throws: `OperationsError` with the last lines of its output when it fails, or when it is not done within `limit` (it is then killed).
    public static func run(_ command: ProcessCommand, within limit: Duration) async throws {
        let child = try await start(command)
        let timer = Task {
            try await Task.sleep(for: limit)
            child.signal(SIGKILL)
        }
        defer { timer.cancel() }
        let exit = await child.exit()
        guard let exit else {
            child.signal(SIGKILL)
            throw CancellationError()
        }
        guard exit.isSuccess else { throw child.failure(exit) }
    }

    /// How it ended; nil while it runs.
    public var exitIfKnown: ProcessExit? { latch.exit }

    /// Waits for its end; nil when the waiting task was cancelled before. The child is left alone either way.
    public func exit() async -> ProcessExit? { await latch.wait() }

    /// Sends a signal, unless the process is known to have ended.
    public func signal(_ signal: Int32) {
        guard latch.exit == nil else { return }
        kill(pid, signal)
    }

    /// Asks it to end with `signal`, waits for `grace`, then kills it. Returns when it is gone.
    ///
    /// Cancellation does not cut the grace short: who is told to stop still has to stop his children well.
    @discardableResult
    public func terminate(signal: Int32 = SIGTERM, grace: Duration) async -> ProcessExit {
        self.signal(signal)
        // Unstructured, so that the caller's cancellation does not reach the wait, which has its bound.
        return await Task {
            let hasEnded = (try? await waitUntil(within: grace) { latch.exit != nil }) ?? false
            if !hasEnded { self.signal(SIGKILL) }
            return await latch.wait() ?? .unknown("nobody saw its end")
        }.value
    }

    /// The error for an end that nobody wanted, with the last lines that it wrote.
    public func failure(_ exit: ProcessExit, file: String = #fileID, line: Int = #line) -> OperationsError {
        OperationsError(
            .processFailed, "\(name) (pid \(pid)) \(exit); its last lines in \(log.path):\n\(log.tail())", file: file, line: line)
    }
}

extension ProcessExit {
    fileprivate init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self = .exited(code)
        case .signaled(let signal): self = .signalled(signal)
        }
    }
}
