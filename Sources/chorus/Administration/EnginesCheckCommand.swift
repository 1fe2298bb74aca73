import ArgumentParser
import Domain
import Engines
import Logging
import NIOURLSession
import Store

struct EnginesCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Ask engines a small question each, and say in words what is wrong.",
        discussion: """
            Makes one real call to each engine, which costs a few tokens; --file checks a file before it is applied. Secrets are looked up \
            in this command's environment: run it where a worker runs, with what a worker has. Exits with 1 if an engine does not answer.
            """)

    /// Calls at once.
    private static let callsAtOnce = 8

    @OptionGroup var options: ServerOptions
    @Argument(help: "The engines to ask; all of them if none is named.") var names: [String] = []
    @Option(help: ArgumentHelp("Check the engines of this file, not the fleet's.", valueName: "file")) var file: String?
    @Option(help: "The longest an engine may take.") var timeout: Duration = .seconds(30)
    @Flag(help: "Answer in JSON.") var json = false

    func run() async throws {
        let hosts = try ConfigurationSource(path: options.config).hosts("engines.allowed_hosts")
        let definitions = try await definitions()
        let session = NIOURLSession(logger: Logger(label: "chorus", factory: { _ in SwiftLogNoOpLogHandler() }))
        let checks = await Self.check(definitions, session, hosts: hosts, timeout: timeout)
        await session.shutdown()
        show(checks)
        if checks.contains(where: { $0.fault != nil }) { throw ExitCode(1) }
    }

    private func definitions() async throws -> [EngineDefinition] {
        let all = if let file { try EnginesFile(path: file).engines } else { try await fleet() }
        guard !all.isEmpty else { throw ValidationError("there are no engines yet: write a file and run 'chorus engines apply FILE'") }
        for name in names where !all.contains(where: { $0.name == name }) {
            throw ValidationError("there is no engine '\(name)' (known: \(all.map(\.name).joined(separator: ", ")))")
        }
        return names.isEmpty ? all : all.filter { names.contains($0.name) }
    }

    private func fleet() async throws -> [EngineDefinition] {
        try await DatabaseSession.with(options) { try await Store($0).engines() }.map { try EngineDefinition(json: $0.definition) }
    }

    /// In the order of the definitions, however long each takes.
    private static func check(
        _ definitions: [EngineDefinition], _ session: NIOURLSession, hosts: EngineHosts, timeout: Duration
    ) async -> [EngineCheck] {
        await withTaskGroup(of: (Int, EngineCheck).self) { group in
            var checks: [Int: EngineCheck] = [:]
            for (index, definition) in definitions.enumerated() {
                if index >= callsAtOnce, let (done, check) = await group.next() { checks[done] = check }
                group.addTask { (index, await EngineCheck.check(definition, session: session, hosts: hosts, timeout: timeout)) }
            }
            for await (done, check) in group { checks[done] = check }
            return checks.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    private func show(_ checks: [EngineCheck]) {
        if json { return Output.json(["engines": .array(checks.map(\.json))]) }
        for check in checks {
            let time = "\(Int(check.duration / .milliseconds(1))) ms"
            if let fault = check.fault {
                Output.line("✘ \(check.engine): \(fault)\(check.statusCode.map { " (HTTP \($0))" } ?? "")")
                if let advice = check.advice { Output.line("    \(advice)") }
            } else {
                let tokens = check.usage.map { ", \($0.totalTokens) tokens" } ?? ""
                Output.line("✔ \(check.engine): \(check.model ?? "") answers in \(time)\(tokens)")
            }
        }
    }
}
