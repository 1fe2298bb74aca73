import Glibc

/// The settings of one private RabbitMQ node, as files, environment and command lines.
struct RabbitMQNode: Sendable {
    static let dataFolder = "mnesia"
    private static let pluginFolder = "plugins"
    private static let user = "chorus"

    let folder: ServerFolder
    let port: Int
    let distributionPort: Int
    let mapperPort: Int
    let managementPort: Int?
    let password: String

    var url: String { "amqp://\(Self.user):\(password)@127.0.0.1:\(port)/" }

    var managementURL: String? { managementPort.map { "http://\(Self.user):\(password)@127.0.0.1:\($0)/api" } }

    /// What goes into `rabbitmq.conf`. The watermarks are modest, as the broker shares the machine with everything else.
    var configuration: String {
        var lines = [
            "listeners.tcp.1 = 127.0.0.1:\(port)",
            "default_user = \(Self.user)",
            "default_pass = \(password)",
            "default_user_tags.administrator = true",
            "vm_memory_high_watermark.absolute = 512MB",
            "disk_free_limit.absolute = 50MB",
            "log.console = true",
            "log.file = false",
        ]
        if let managementPort {
            lines += ["management.tcp.ip = 127.0.0.1", "management.tcp.port = \(managementPort)"]
        }
        return lines.joined(separator: "\n")
    }

    func writeConfiguration() throws {
        try folder.write(configuration, to: "rabbitmq.conf")
        try folder.write(managementPort == nil ? "[]." : "[rabbitmq_management].", to: "enabled_plugins")
        try linkPlugins()
        // Erlang nodes that share this secret may command each other; the runtime reads it from the home folder.
        try folder.write(password, to: ".erlang.cookie")
    }

    /// A broker that wants no plugin finds none but its own part, which knows what may stand in `rabbitmq.conf`: to look through all that are
    /// installed takes a third of its start.
    private func linkPlugins() throws {
        try folder.remove(Self.pluginFolder)
        guard managementPort == nil, let core = ServerProgram.rabbitMQCore() else { return }
        try folder.makeDirectory(Self.pluginFolder)
        try folder.link("\(Self.pluginFolder)/\(AbsolutePath.name(of: core))", to: core)
    }

    /// The broker in the foreground. Taken to run under systemd, the package's script becomes the Erlang machine instead of waiting
    /// for it, so the pid is the broker's own and SIGTERM is its orderly stop.
    func serverCommand() throws -> ProcessCommand {
        var environment = baseEnvironment
        environment["RUNNING_UNDER_SYSTEMD"] = "true"
        environment["RABBITMQ_NODENAME"] = "chorus@localhost"
        environment["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1"
        environment["RABBITMQ_NODE_PORT"] = String(port)
        environment["RABBITMQ_DIST_PORT"] = String(distributionPort)
        environment["RABBITMQ_MNESIA_BASE"] = folder.file(Self.dataFolder)
        environment["RABBITMQ_LOG_BASE"] = folder.file("log")
        environment["RABBITMQ_PID_FILE"] = folder.file("rabbitmq.pid")
        environment["RABBITMQ_CONFIG_FILE"] = folder.file("rabbitmq.conf")
        environment["RABBITMQ_ENABLED_PLUGINS_FILE"] = folder.file("enabled_plugins")
        environment["RABBITMQ_CONF_ENV_FILE"] = "/dev/null"
        if folder.exists(Self.pluginFolder) { environment["RABBITMQ_PLUGINS_DIR"] = folder.file(Self.pluginFolder) }
        // Two schedulers that sleep instead of spinning when there is nothing to do.
        environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
        return ProcessCommand(
            executable: try ServerProgram.rabbitMQ("rabbitmq-server"), environment: environment, account: folder.account,
            logPath: folder.file("server.log"))
    }

    /// Erlang's port mapper in the foreground, for this node alone.
    func mapperCommand() throws -> ProcessCommand {
        ProcessCommand(
            executable: try ServerProgram.epmd(), arguments: ["-address", "127.0.0.1", "-port", String(mapperPort)],
            environment: baseEnvironment, account: folder.account, logPath: folder.file("epmd.log"))
    }

    private var baseEnvironment: [String: String] {
        ServerProgram.baseEnvironment.merging(
            ["HOME": folder.path, "ERL_EPMD_PORT": String(mapperPort), "ERL_EPMD_ADDRESS": "127.0.0.1"], uniquingKeysWith: { $1 })
    }
}
