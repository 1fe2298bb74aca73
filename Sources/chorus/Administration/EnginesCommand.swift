import ArgumentParser
import Domain
import Engines
import FoundationEssentials
import Store

struct EnginesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engines", abstract: "The engines that tasks may name.",
        subcommands: [Apply.self, List.self, EnginesCheckCommand.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the engines of a file the fleet's engines. Gateways and workers follow within seconds.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The engines file (see config/engines.yaml).") var file: String
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let hosts = try ConfigurationSource(path: options.config).hosts("engines.allowed_hosts")
            let engines = try EnginesFile(path: file, hosts: hosts)
            // The fleet's default comes first.
            let ordered =
                engines.engines.filter { $0.name == engines.defaultEngine } + engines.engines.filter { $0.name != engines.defaultEngine }
            let rows = ordered.map { EngineRow(name: $0.name, type: $0.engineType.rawValue, definition: $0.json) }
            try await DatabaseSession.with(options) { try await Store($0).applyEngines(rows) }
            if json {
                Output.json(["engines": .array(rows.map { .string($0.name) })])
            } else {
                print("applied \(rows.count) engine\(rows.count == 1 ? "" : "s"): \(rows.map(\.name).joined(separator: ", "))")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the fleet's engines, the default first.")

        @OptionGroup var options: ServerOptions
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let (rows, figures) = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                let rows = try await store.engines()
                return (rows, try await store.engineFigures(of: rows.map(\.name), countsTasks: false))
            }
            let now = Date()
            let gates = Dictionary(figures.map { ($0.engine, $0.gate(at: now)) }, uniquingKeysWith: { first, _ in first })
            if json {
                let engines = rows.map { row -> JSONValue in
                    var engine = row.definition.objectValue ?? JSONObject()
                    engine["gate"] = gates[row.name]
                    return .object(engine)
                }
                Output.json(["engines": .array(engines)])
            } else {
                Output.table(
                    ["NAME", "TYPE", "MODEL", "BASE URL", "GATE"],
                    rows.map {
                        [
                            $0.name, $0.type, $0.definition["model"]?.stringValue ?? "", $0.definition["base_url"]?.stringValue ?? "",
                            Self.words(gates[$0.name]),
                        ]
                    })
            }
        }

        /// `open`, or `closed until 2026-01-31T12:00:00Z (rate_limited)`.
        private static func words(_ gate: JSONValue?) -> String {
            guard let state = gate?["state"]?.stringValue, let reason = gate?["reason"]?.stringValue else { return "open" }
            let until = (gate?["closed_until"]?.stringValue).map { " until \($0)" } ?? ""
            return "\(state)\(state == "closed" ? until : "") (\(reason))"
        }
    }
}
