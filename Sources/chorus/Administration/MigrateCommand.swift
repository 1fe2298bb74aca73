import ArgumentParser
import Domain
import Store

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database to this release's schema. Safe to run from many hosts at once.",
        subcommands: [Up.self, Status.self], defaultSubcommand: Up.self)

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Apply what is missing.")
        @OptionGroup var options: ServerOptions
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let applied = try await DatabaseSession.with(options) { try await Migrator($0).migrate() }
            if json {
                Output.json(["applied": .array(applied.map { .number(JSONNumber($0.version)) })])
            } else if applied.isEmpty {
                print("The schema is up to date.")
            } else {
                for migration in applied { print("applied \(migration.version) \(migration.name)") }
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show which migrations were applied, and when.")
        @OptionGroup var options: ServerOptions
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let steps = try await DatabaseSession.with(options) { try await Migrator($0).status() }
            if json {
                Output.json([
                    "migrations": .array(
                        steps.map {
                            ["version": .number(JSONNumber($0.version)), "name": .string($0.name), "applied_at": JSONValue($0.appliedAt)]
                        })
                ])
            } else {
                Output.table(
                    ["VERSION", "NAME", "APPLIED AT"],
                    steps.map { ["\($0.version)", $0.name, $0.appliedAt.map(RFC3339.text) ?? "pending"] })
            }
        }
    }
}
