import Glibc
import Operations
import Synchronization
import TestSupport

/// A gateway that finds a listening socket where a service manager would put it: at descriptor 3, meant for its own pid (sd_listen_fds(3)).
final class SocketHolder: Sendable {
    private let pid: pid_t
    private let hasEnded = Atomic(false)

    /// - Parameter log: where its standard error goes.
    init(_ executable: String, socket: ListeningSocket, environment: [String: String], log: String) throws {
        // The pid is known to the shell that becomes the gateway.
        let words = ["/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" gateway", executable]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, socket.descriptor, 3)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let (arguments, variables) = (words.map { strdup($0) } + [nil], environment.map { strdup("\($0)=\($1)") } + [nil])
        defer { for text in arguments + variables { free(text) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, "/bin/sh", &actions, nil, arguments, variables) == 0 else {
            throw OperationsError(.processFailed, "cannot start \(executable)")
        }
        self.pid = pid
    }

    /// Ends it well; throws where that takes too long, or it had ended by itself.
    func terminate() async throws {
        kill(pid, SIGTERM)
        var status: CInt = 0
        try await eventually("the gateway has ended", within: .seconds(30)) { waitpid(self.pid, &status, WNOHANG) == self.pid }
        hasEnded.store(true, ordering: .relaxed)
        guard status == 0 else { throw OperationsError(.processFailed, "the gateway ended with \(status)") }
    }

    deinit { if !hasEnded.load(ordering: .relaxed) { kill(pid, SIGKILL) } }
}
