import ArgumentParser
import Domain
import Engines
import Foundation
import Logging
import Operations
import Postgres
import Store

struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run everything on this machine: PostgreSQL, RabbitMQ, a simulated engine, a gateway and workers, all private.",
        discussion: """
            Prints 'ready http://127.0.0.1:N' when all is up; DIR/dev.env then holds CHORUS_URL, CHORUS_API_KEY and the rest for your \
            shell. A child that dies is started again. Ctrl-C stops everything and leaves the data.
            """)

    @Option(help: ArgumentHelp("Where everything is kept.", valueName: "dir"))
    var dataDir: String?
    @Option(help: "The gateway's port; without, a free one that is remembered.")
    var httpPort: Int?
    @Option(help: "How many workers.")
    var workers: Int = 2
    @Option(help: "Calls at once of each worker.")
    var workerConcurrency: Int?
    @Option(help: "How long the simulated engine takes to answer.")
    var engineLatency: Duration?
    @Option(help: "The share of calls that the simulated engine fails, 0 to 1.")
    var engineErrorRate: Double?
    @Flag(help: "Begin anew: delete what an earlier run left.")
    var reset = false

    func validate() throws {
        guard (0...64).contains(workers) else { throw ValidationError("--workers must be 0 to 64") }
        guard (1...10_000).contains(workerConcurrency ?? 1) else { throw ValidationError("--worker-concurrency must be 1 to 10000") }
        guard (0...1).contains(engineErrorRate ?? 0) else { throw ValidationError("--engine-error-rate must be 0 to 1") }
        guard (0...65_535).contains(httpPort ?? 0) else { throw ValidationError("--http-port must be 0 to 65535") }
    }

    func run() async throws {
        let logger = Logger.standardError("chorus.dev", level: .notice)
        let options = DevOptions(
            dataDirectory: dataDir, httpPort: httpPort, workers: workers, workerConcurrency: workerConcurrency,
            engineLatency: engineLatency.map { "\(Int($0 / .milliseconds(1)))ms" }, engineErrorRate: engineErrorRate, reset: reset)
        let hooks = DevEnvironment.Hooks(
            prepare: { [logger] in try await DevAccount.prepare($0, logger) },
            areWorkersUp: { [logger] in try await DevAccount.areWorkersUp($0, count: $1, logger) },
            print: { Output.line($0) })
        guard let executable = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            throw ConfigurationFault(place: "/proc/self/exe", message: "this program cannot find itself")
        }
        let environment = DevEnvironment(
            options: options, executable: executable, environment: ProcessInfo.processInfo.environment, hooks: hooks, logger: logger)
        try await Servers.run([environment], logger)
    }
}
