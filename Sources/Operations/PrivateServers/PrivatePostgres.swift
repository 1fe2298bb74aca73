public import Glibc
public import Logging

/// A PostgreSQL server of our own, with the durability settings that it ships with: what a test proves about crashes holds.
///
/// Connections are checked with SCRAM against a random password, so that other users of the machine stay out.
public actor PrivatePostgres: PrivateServer {
    public nonisolated var name: String { "PostgreSQL" }
    private static let user = "chorus"

    /// With its log, `server.log`.
    nonisolated let dataDirectory: String
    private let wantedPort: Int?
    private let logger: Logger
    private var child: ChildProcess?
    private var address: (port: Int, url: String)?

    /// - Parameters:
    ///   - dataDirectory: made on the first start; one server a folder.
    ///   - port: a fixed port; nil chooses a free one and remembers it in the folder.
    public init(dataDirectory: String, port: Int? = nil, logger: Logger = Logger(label: "chorus.postgres")) {
        self.dataDirectory = dataDirectory
        self.wantedPort = port
        self.logger = logger
    }

    public var url: String {
        get throws {
            guard let address else { throw OperationsError(.wrongState, "PostgreSQL was not started") }
            return address.url
        }
    }

    public var pid: Int32? { child.flatMap { $0.exitIfKnown == nil ? $0.pid : nil } }

    @discardableResult
    public func start() async throws -> String {
        guard pid == nil else { return try url }
        let folder = try ServerFolder(path: dataDirectory, account: .forServers())
        // SIGINT is PostgreSQL's "fast" stop: clients are cut off, data is written out.
        if let orphan = try await folder.stopOrphan(signal: SIGINT, grace: .seconds(20)) {
            logger.notice("Ended an orphaned PostgreSQL", metadata: ["pid": "\(orphan)", "folder": "\(folder.path)"])
        }
        let cluster = PostgresCluster(folder: folder, user: Self.user)
        try await cluster.initialise()
        let port = try await folder.port("postgres", wanted: address?.port ?? wantedPort)
        do {
            try await launch(cluster, port: port)
            try await cluster.createDatabase(port: port)
        } catch {
            await stop()
            throw error
        }
        let url = "postgresql://\(Self.user):\(try folder.password())@127.0.0.1:\(port)/\(Self.user)"
        address = (port, url)
        return url
    }

    public func stop() async {
        guard let child else { return }
        await child.terminate(signal: SIGINT, grace: .seconds(30))
        self.child = nil
    }

    public func kill(_ signal: Int32 = SIGKILL) async {
        child?.signal(signal)
        if signal == SIGKILL { _ = await child?.exit() }
    }

    public func wipe() async throws {
        guard pid == nil else { throw OperationsError(.wrongState, "PostgreSQL runs; stop it before its data is wiped") }
        try PostgresCluster(folder: ServerFolder(path: dataDirectory, account: .forServers()), user: Self.user).wipe()
    }

    public func exit() async -> ProcessExit? { await child?.exit() }

    /// Starts the server process and waits until it accepts connections.
    ///
    /// After a kill the old backends need a moment to notice; until then their shared memory keeps a new server out, so a start that
    /// fails for this reason is tried again for a while.
    private func launch(_ cluster: PostgresCluster, port: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let child = try await ChildProcess.start(cluster.serverCommand(port: port))
            self.child = child
            try cluster.folder.recordProcess(child.pid)
            let isUp = try await waitUntil(within: deadline - .now) { child.exitIfKnown != nil || cluster.isReady(pid: child.pid) }
            guard let exit = child.exitIfKnown else {
                guard isUp else { throw OperationsError(.notReady, "PostgreSQL was not ready in a minute:\n\(child.log.tail())") }
                return
            }
            guard child.log.tail().contains("shared memory block"), ContinuousClock.now < deadline else { throw child.failure(exit) }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
