/// The command lines and variables of the environment's own processes.
struct DevCommands: Sendable {
    let executable: String
    let options: DevOptions
    let context: DevContext
    let gatewayPort: Int
    let enginePort: Int
    /// Where each worker answers for its metrics.
    let metricsPorts: [DevMember: Int]
    let logFolder: String
    /// The caller's environment, and over it what the command prepared.
    let inherited: [String: String]
    let prepared: [String: String]

    /// Variables that the environment file publishes: in a shell that has read an earlier file they must not reach the processes.
    private static let published = [
        "CHORUS_URL", "CHORUS_API_KEY", "CHORUS_ENGINE_URL", "CHORUS_GATEWAY_PID", "CHORUS_WORKER_PIDS", "CHORUS_POSTGRES_PID",
        "CHORUS_RABBITMQ_PID", "CHORUS_WORKER_METRICS_URLS",
    ]

    func command(for member: DevMember) -> ProcessCommand? {
        switch member {
        case .postgres, .rabbitMQ: nil
        case .engine: command(member, engineArguments)
        case .gateway: command(member, ["gateway"])
        case .worker(let number):
            command(
                member, ["worker"],
                extra: [
                    "CHORUS_WORKER_NAME": "worker@\(number)",
                    "CHORUS_WORKER_STATE_DIRECTORY": "\(context.dataDirectory)/workers/\(number)",
                    "CHORUS_METRICS_PORT": metricsPorts[member].map { String($0) },
                ])
        }
    }

    private var engineArguments: [String] {
        var result = ["simulate-engine", "--port", String(enginePort)]
        if let latency = options.engineLatency { result += ["--latency", latency] }
        if let rate = options.engineErrorRate { result += ["--error-rate", String(rate)] }
        return result
    }

    private func command(_ member: DevMember, _ arguments: [String], extra: [String: String?] = [:]) -> ProcessCommand {
        ProcessCommand(
            executable: executable, arguments: arguments,
            environment: environment.merging(extra.compactMapValues { $0 }, uniquingKeysWith: { $1 }),
            logPath: "\(logFolder)/\(member).log")
    }

    private var environment: [String: String] {
        var result = inherited
        for name in Self.published { result[name] = nil }
        result["CHORUS_DATABASE_URL"] = context.databaseURL
        result["CHORUS_AMQP_URL"] = context.amqpURL
        result["CHORUS_HTTP_HOST"] = "127.0.0.1"
        result["CHORUS_HTTP_PORT"] = String(gatewayPort)
        // Who reaches it is on this machine already. What the caller says goes before.
        result["CHORUS_ACCOUNTS_REGISTRATION"] = inherited["CHORUS_ACCOUNTS_REGISTRATION"] ?? "open"
        result["CHORUS_WORKER_CONCURRENCY"] = options.workerConcurrency.map { String($0) }
        return result.merging(prepared, uniquingKeysWith: { $1 })
    }
}
