public import ArgumentParser
public import Domain
import Foundation
import Store

/// `chorus account quota`: what accounts may use in a month.
struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "What an account may use in a calendar month (UTC).",
        subcommands: [List.self, Set.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show an account's quotas; what has none is not bounded.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let quotas = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                return try await store.quotas(of: try await store.requireAccount(email))
            }
            if json { return Output.json(["data": .array(quotas.map(\.json))]) }
            Output.table(
                ["TYPE", "LIMIT", "USED", "RESERVED", "REMAINING", "RESET"],
                quotas.map { quota in
                    [
                        quota.type.rawValue, "\(quota.limit)", "\(quota.used)", "\(quota.reserved)", "\(quota.remaining)",
                        RFC3339.text(quota.resetsAt),
                    ]
                })
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a quota, or change its limit.",
            discussion: "A new quota counts from its first use on; one that changes keeps what it has counted.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Option(help: "tasks, tokens, or cost_micros (millionths of a USD).") var type: QuotaType
        @Option(help: "The most in a month.") var limit: Int
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws {
            guard QuotaLimit.range.contains(limit) else {
                throw ValidationError("--limit must be \(QuotaLimit.range.lowerBound) to \(QuotaLimit.range.upperBound)")
            }
        }

        func run() async throws {
            let quota = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                return try await store.setQuota(type, limit: limit, of: try await store.requireAccount(email))
            }
            if json { return Output.json(quota.json) }
            Output.line("\(quota.type.rawValue): \(quota.remaining) of \(quota.limit) left until \(RFC3339.text(quota.resetsAt))")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Drop a quota: the account may use as much as it will.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Option(help: "tasks, tokens, or cost_micros.") var type: QuotaType

        func run() async throws {
            try await DatabaseSession.with(options) { database in
                let store = Store(database)
                try await store.dropQuota(type, of: try await store.requireAccount(email))
            }
            Output.line("\(type.rawValue): no quota")
        }
    }
}

extension QuotaType: ExpressibleByArgument {}
