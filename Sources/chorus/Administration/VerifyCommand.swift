import AMQP
import ArgumentParser
import Domain
import Logging
import Operations
import Postgres
import Queues
import Store

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Look whether the laws of conservation hold: no task lost, none done twice, all accounts straight.",
        discussion: """
            Reads a live system in one snapshot and changes nothing. Exits with 0 where every law holds; else with 1, each broken law and \
            the first tasks that break it.
            """)

    @OptionGroup var options: ServerOptions
    @Option(help: "What may lie between two steps that belong together, such as a worker's loss and the handing on of its tasks.")
    var grace: Duration = .seconds(30)
    @Flag(help: "Do not ask the broker whether it has a message for each task in the queue.")
    var withoutBroker = false
    @Flag(help: "Answer in JSON.") var json = false

    func run() async throws {
        let configuration = try ChorusConfiguration(path: options.config, applicationName: "chorus-verify")
        let report = try await DatabaseSession.with(options) { database in
            let store = Store(database)
            return withoutBroker
                ? try await verification(store, configuration, nil).run()
                : try await withBroker(configuration) { try await verification(store, configuration, $0).run() }
        }
        show(report)
        if !report.holds { throw ExitCode(1) }
    }

    private func verification(
        _ store: Store, _ configuration: ChorusConfiguration, _ depths: Verification.QueueDepths?
    ) -> Verification {
        Verification(store: store, partitioning: configuration.partitioning, grace: grace, depths: depths)
    }

    /// Lends the broker's view of its queues. Nothing is declared: looking must not change what is looked at.
    private func withBroker(
        _ configuration: ChorusConfiguration, _ body: (@escaping Verification.QueueDepths) async throws -> VerificationReport
    ) async throws -> VerificationReport {
        var logger = configuration.logger("chorus.verify")
        logger.logLevel = .error
        let publisher = AMQPPublisher(configuration: configuration.broker, logger: logger)
        // Unstructured: `body` is the caller's and must not cross into a task group; cancelled below in every case.
        let connection = Task { try await publisher.run() }
        defer { connection.cancel() }
        try await publisher.waitUntilConnected(timeout: .seconds(10))
        return try await body { names in try await publisher.status(of: names).map { $0?.messageCount ?? 0 } }
    }

    private func show(_ report: VerificationReport) {
        if json { return Output.json(report.json) }
        if report.holds { return Output.line("\(report.tasks) tasks, \(report.findings.count) laws hold") }
        for finding in report.broken {
            Output.line(
                "\(finding.law.rawValue): \(finding.law.violation) (\(finding.count) \(finding.law.subject)\(finding.count == 1 ? "" : "s"))"
            )
            for id in finding.ids { Output.line("  \(id.text)") }
            if finding.count > finding.ids.count { Output.line("  and \(finding.count - finding.ids.count) more") }
        }
        Output.line("\(report.tasks) tasks, \(report.findings.count - report.broken.count) of \(report.findings.count) laws hold")
    }
}
