/// What to run as a child process, and how.
public struct ProcessCommand: Sendable {
    /// Path of the program.
    public var executable: String
    public var arguments: [String]
    /// The whole environment; nothing is inherited unasked.
    public var environment: [String: String]
    /// The account to drop to; nil runs as the caller.
    public var account: ServerAccount?
    /// Where standard output and error go.
    public var logPath: String
    /// What the kernel sends the child when this process dies, however it dies.
    public var parentDeathSignal: ParentDeathSignal

    /// By name, as `setpriv(1)` of Debian 12 takes no numbers.
    public enum ParentDeathSignal: String, Sendable {
        case kill = "KILL"
        case quit = "QUIT"
        case terminate = "TERM"
    }

    public init(
        executable: String, arguments: [String] = [], environment: [String: String] = [:], account: ServerAccount? = nil,
        logPath: String, parentDeathSignal: ParentDeathSignal = .kill
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.account = account
        self.logPath = logPath
        self.parentDeathSignal = parentDeathSignal
    }

    /// The program without its folder, for messages.
    public var name: String { executable.split(separator: "/").last.map(String.init) ?? executable }

    /// The command line under `setpriv(1)` of util-linux, which sets the parent-death signal after it has changed the account
    /// (the kernel forgets the signal when credentials change, see prctl(2)) and then becomes the program: the pid stays the same.
    var launcherArguments: [String] {
        var result = ["--pdeathsig", parentDeathSignal.rawValue]
        if let account {
            result += ["--reuid", String(account.userID), "--regid", String(account.groupID), "--clear-groups"]
        }
        return result + ["--", executable] + arguments
    }
}
