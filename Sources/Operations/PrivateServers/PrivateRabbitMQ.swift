public import Glibc
public import Logging

/// A RabbitMQ broker of our own: one node with its own Erlang port mapper, cookie, user and log.
public actor PrivateRabbitMQ: PrivateServer {
    public nonisolated var name: String { "RabbitMQ" }

    /// With its log, `server.log`.
    nonisolated let dataDirectory: String
    private let wantedPort: Int?
    private let hasManagement: Bool
    private let logger: Logger
    private var portMapper: ChildProcess?
    private var child: ChildProcess?
    private var node: RabbitMQNode?

    /// - Parameters:
    ///   - dataDirectory: made on the first start; one broker a folder.
    ///   - port: a fixed AMQP port; nil chooses a free one and remembers it in the folder.
    ///   - management: whether the management plugin (an HTTP API, some 40 MB) is loaded.
    public init(
        dataDirectory: String, port: Int? = nil, management: Bool = false, logger: Logger = Logger(label: "chorus.rabbitmq")
    ) {
        self.dataDirectory = dataDirectory
        self.wantedPort = port
        self.hasManagement = management
        self.logger = logger
    }

    public var url: String {
        get throws {
            guard let node else { throw OperationsError(.wrongState, "RabbitMQ was not started") }
            return node.url
        }
    }

    /// The management API with user and password; nil when it was not asked for, or before the first start.
    public var managementURL: String? { node?.managementURL }

    public var pid: Int32? { child.flatMap { $0.exitIfKnown == nil ? $0.pid : nil } }

    @discardableResult
    public func start() async throws -> String {
        guard pid == nil else { return try url }
        let folder = try ServerFolder(path: dataDirectory, account: .forServers())
        if let orphan = try await folder.stopOrphan(signal: SIGTERM, grace: .seconds(20)) {
            logger.notice("Ended an orphaned RabbitMQ", metadata: ["pid": "\(orphan)", "folder": "\(folder.path)"])
        }
        let node = try await preparedNode(in: folder)
        do {
            try await launch(node)
        } catch {
            await stop()
            throw error
        }
        self.node = node
        return node.url
    }

    /// Starts the port mapper and the broker and waits until the broker serves.
    private func launch(_ node: RabbitMQNode) async throws {
        try node.writeConfiguration()
        try await startPortMapper(node)
        let child = try await ChildProcess.start(node.serverCommand())
        self.child = child
        try node.folder.recordProcess(child.pid)
        let isUp = try await waitUntil(within: .seconds(120), every: .milliseconds(100)) {
            if child.exitIfKnown != nil { return true }
            return await LoopbackProbe.isAMQPReady(port: node.port)
        }
        if let exit = child.exitIfKnown { throw child.failure(exit) }
        guard isUp else { throw OperationsError(.notReady, "RabbitMQ was not ready in two minutes:\n\(child.log.tail())") }
    }

    public func stop() async {
        await child?.terminate(signal: SIGTERM, grace: .seconds(30))
        child = nil
        await portMapper?.terminate(signal: SIGKILL, grace: .seconds(5))
        portMapper = nil
    }

    public func kill(_ signal: Int32 = SIGKILL) async {
        child?.signal(signal)
        if signal == SIGKILL { _ = await child?.exit() }
    }

    public func wipe() async throws {
        guard pid == nil else { throw OperationsError(.wrongState, "RabbitMQ runs; stop it before its data is wiped") }
        try ServerFolder(path: dataDirectory, account: .forServers()).remove(RabbitMQNode.dataFolder)
    }

    public func exit() async -> ProcessExit? { await child?.exit() }

    /// The node with its ports settled: those of an earlier start by this object, else remembered or new ones.
    private func preparedNode(in folder: ServerFolder) async throws -> RabbitMQNode {
        let port = try await folder.port("amqp", wanted: node?.port ?? wantedPort)
        let mapperPort: Int
        if let node, let portMapper, portMapper.exitIfKnown == nil {
            mapperPort = node.mapperPort
        } else {
            mapperPort = try await folder.port("epmd")
        }
        return RabbitMQNode(
            folder: folder, port: port, distributionPort: try await folder.port("distribution"), mapperPort: mapperPort,
            managementPort: hasManagement ? try await folder.port("management") : nil, password: try folder.password())
    }

    /// Erlang would start a port mapper by itself, as a daemon that nobody stops. Ours is a child like any other.
    private func startPortMapper(_ node: RabbitMQNode) async throws {
        if let portMapper, portMapper.exitIfKnown == nil { return }
        let mapper = try await ChildProcess.start(node.mapperCommand())
        portMapper = mapper
        let isUp = try await waitUntil(within: .seconds(10)) {
            mapper.exitIfKnown != nil || LoopbackProbe.isListening(port: node.mapperPort)
        }
        if let exit = mapper.exitIfKnown { throw mapper.failure(exit) }
        guard isUp else { throw OperationsError(.notReady, "epmd was not ready in ten seconds") }
    }
}
