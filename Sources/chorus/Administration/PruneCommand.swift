import ArgumentParser
import Domain
import Foundation
import Logging
import Operations
import ServiceLifecycle
import Store
import Synchronization
import UnixSignals

struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove ended tasks whose time is over, beside a system that goes on; its figures stay.",
        discussion: """
            Tasks go with their history, calls and feedback, so many days after their end as retention.tasks of the configuration says, or \
            settings.retention_days of their project; 0 keeps them. A parent and its children go together. Batches take a part of the time \
            only, so that the database has the rest for others. One run at a time works on a database; one that was stopped, or whose time \
            was over, is gone on with by the next.
            """)

    @OptionGroup var options: ServerOptions
    @Option(help: ArgumentHelp("Instead of retention.tasks, for projects that say nothing themselves.", valueName: "days"))
    var days: Int?
    @Option(
        help: ArgumentHelp(
            "Append each task to this file before it goes, as a line of JSON with its history, calls and feedback.", valueName: "file"))
    var export: String?
    @Option(help: ArgumentHelp("The part of the time that batches may take, 1 to 100.", valueName: "percent")) var share = 20
    @Option(help: ArgumentHelp("Tasks a second at the most.", valueName: "count")) var rate: Int?
    @Option(help: ArgumentHelp("Begin no batch after this time, such as 90m.", valueName: "time")) var maxTime: Duration = .seconds(3_600)
    @Flag(help: "Say what would go, and remove nothing.") var dryRun = false
    @Flag(help: "Answer in JSON.") var json = false

    func validate() throws {
        guard (0...36_500).contains(days ?? 0) else { throw ValidationError("--days must be 0 to 36500") }
        guard (1...100).contains(share) else { throw ValidationError("--share must be 1 to 100") }
        guard (1...1_000_000).contains(rate ?? 1) else { throw ValidationError("--rate must be 1 to 1000000") }
        guard export == nil || !dryRun else { throw ValidationError("--export does not go with --dry-run") }
    }

    func run() async throws {
        let fleetDays = try days ?? ConfigurationSource(path: options.config).integer("retention.tasks")
        let file = try export.map { try PruneFile(URL(fileURLWithPath: $0).path) }
        // A family goes as a whole, however large it is.
        let report = try await DatabaseSession.with(options, statementTimeout: .seconds(600)) { database in
            let pruning = Pruning(
                store: Store(database), days: fleetDays, pace: PrunePace(share: Double(share) / 100, rate: rate.map(Double.init)),
                isTrial: dryRun, archive: file)
            return try await PruneRun(pruning, until: .now + maxTime, showsProgress: !json && isatty(STDERR_FILENO) == 1).report()
        }
        if json { return Output.json(report.json) }
        Output.line(text(report))
    }

    private func text(_ report: PruneReport) -> String {
        func counted(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }
        var text = dryRun ? "would remove" : "removed"
        text += " \(counted(report.tasks, "task")) of \(counted(report.projectCount, "project"))"
        if !dryRun { text += ", with \(report.history) lines of history, \(report.calls) calls, \(report.ratings) ratings" }
        if report.workers > 0 { text += "; \(report.workers) rows of workers that ended" }
        return text + (report.isComplete ? "" : "; more may be left")
    }
}

/// One run, which SIGTERM and SIGINT end behind its batch.
private final class PruneRun: Service {
    private let pruning: Pruning
    private let deadline: ContinuousClock.Instant
    private let showsProgress: Bool
    private let outcome = Mutex<PruneReport?>(nil)

    init(_ pruning: Pruning, until deadline: ContinuousClock.Instant, showsProgress: Bool) {
        self.pruning = pruning
        self.deadline = deadline
        self.showsProgress = showsProgress
    }

    func report() async throws -> PruneReport {
        let logger = Logger(label: "chorus.prune", factory: { _ in SwiftLogNoOpLogHandler() })
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: self, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
        return outcome.withLock { $0 } ?? PruneReport()
    }

    func run() async throws {
        let report = try await pruning.run(until: deadline) { report in
            if showsProgress { FileHandle.standardError.write(Data("\r\(report.tasks) tasks".utf8)) }
        }
        if showsProgress { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        outcome.withLock { $0 = report }
    }
}
