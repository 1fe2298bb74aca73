import FoundationEssentials
import Glibc

/// The files of one private PostgreSQL: making them, and the commands that work on them.
struct PostgresCluster: Sendable {
    let folder: ServerFolder
    let user: String

    private var data: String { folder.file("data") }
    private static let databaseMark = "database.made"

    /// Runs `initdb` unless it was done before. It works on a draft that is renamed at the end: a folder called `data` is always whole.
    func initialise() async throws {
        guard !folder.exists("data") else { return }
        try folder.remove("draft")
        _ = try folder.password()
        let arguments = [
            "--pgdata", folder.file("draft"), "--username", user, "--pwfile", folder.file("password"), "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions",
        ]
        try await ChildProcess.run(command("initdb", arguments, log: "initdb.log"), within: .seconds(120))
        guard rename(folder.file("draft"), data) == 0 else { throw OperationsError.system("cannot rename the new cluster to \(data)") }
    }

    /// Creates the database of the user's name, once.
    func createDatabase(port: Int) async throws {
        guard !folder.exists(Self.databaseMark) else { return }
        let connection = ["--host", "127.0.0.1", "--port", String(port), "--username", user, "--no-password"]
        var drop = try command("dropdb", connection + ["--if-exists", user], log: "createdb.log")
        var create = try command("createdb", connection + [user], log: "createdb.log")
        drop.environment["PGPASSWORD"] = try folder.password()
        create.environment["PGPASSWORD"] = try folder.password()
        // Without the mark an earlier attempt may have got half way.
        try await ChildProcess.run(drop, within: .seconds(30))
        try await ChildProcess.run(create, within: .seconds(30))
        try folder.write(user, to: Self.databaseMark)
    }

    /// The server in the foreground: TCP on loopback only, no Unix socket (their paths are short of room), everything else as shipped.
    func serverCommand(port: Int) throws -> ProcessCommand {
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=", "max_connections=200", "logging_collector=off",
        ]
        // When this process dies the server stops at once and recovers on its next start (SIGQUIT, "immediate"), taking its shared
        // memory along, which SIGKILL would leave behind.
        return try command("postgres", ["-D", data] + settings.flatMap { ["-c", $0] }, log: "server.log", parentDeathSignal: .quit)
    }

    /// Whether the server says of itself that it accepts connections.
    ///
    /// Line 1 of `postmaster.pid` is its pid, line 8 its state; `pg_ctl -w` waits for the same words.
    func isReady(pid: Int32) -> Bool {
        guard let text = AtomicFile.read("\(data)/postmaster.pid") else { return false }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 7 && lines[0] == String(pid) && lines[7].hasPrefix("ready")
    }

    func wipe() throws {
        for name in ["data", "draft", Self.databaseMark] { try folder.remove(name) }
    }

    private func command(
        _ program: String, _ arguments: [String], log: String, parentDeathSignal: ProcessCommand.ParentDeathSignal = .kill
    ) throws -> ProcessCommand {
        ProcessCommand(
            executable: try ServerProgram.postgres(program), arguments: arguments, environment: ServerProgram.baseEnvironment,
            account: folder.account, logPath: folder.file(log), parentDeathSignal: parentDeathSignal)
    }
}
