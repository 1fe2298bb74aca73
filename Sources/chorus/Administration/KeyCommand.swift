public import ArgumentParser
public import Domain
import Foundation
import Store

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys.", subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API key and show it, this once: the database holds its digest only.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Option(help: "What the key is for.") var name: String?
        @Option(
            help: ArgumentHelp(
                "What it may, such as tasks:write; may be given several times. Without, all that its account may.", valueName: "scope"))
        var scope: [KeyScope] = []
        @Option(help: ArgumentHelp("A project that it sees; may be given several times. Without, all of its account's.", valueName: "id"))
        var project: [String] = []
        @Option(help: ArgumentHelp("When it ends: a time (RFC 3339), or from now, such as 12h or 30d. Without, never.", valueName: "when"))
        var expires: String?
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws { _ = try newKey() }

        private func newKey() throws -> NewKey {
            guard (1...100).contains(name?.count ?? 1) else { throw ValidationError("--name must have 1 to 100 characters") }
            let projects = try project.map { text in
                guard let id = UUID(text: text) else { throw ValidationError("--project '\(text)' is no UUID") }
                return id
            }
            guard projects.count <= NewKey.projectLimit else {
                throw ValidationError("--project can be given \(NewKey.projectLimit) times at most")
            }
            let expiresAt = try expires.map { text in
                guard let date = ExpiryText.date(text, from: Date()), date > Date() else {
                    throw ValidationError("--expires '\(text)' must lie ahead, such as 30d or 2030-01-31T12:00:00Z")
                }
                return date
            }
            return NewKey(
                name: name, expiresAt: expiresAt,
                permissions: KeyPermissions(scopes: scope.isEmpty ? nil : Set(scope), projects: projects.isEmpty ? nil : Set(projects)))
        }

        func run() async throws {
            let new = try newKey()
            let made = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                return try await store.createKey(new, userID: try await store.requireAccount(email))
            }
            if json {
                var object = made.record.json
                object["api_key"] = .string(made.key.secret)
                Output.json(.object(object))
            } else {
                print(made.key.secret)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List an account's API keys, newest first; never the keys themselves.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Option(help: "At most this many, 1 to 500.") var limit = 50
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws {
            guard (1...500).contains(limit) else { throw ValidationError("--limit must be 1 to 500") }
        }

        func run() async throws {
            let keys = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                return try await store.keys(of: try await store.requireAccount(email), limit: limit, before: nil).elements
            }
            if json { return Output.json(["data": .array(keys.map { .object($0.json) })]) }
            Output.table(
                ["KEY", "NAME", "STATUS", "CREATED", "LAST USED", "EXPIRES", "PERMISSIONS"],
                keys.map { key in
                    [
                        key.id.text, key.name ?? "", key.status.rawValue, RFC3339.text(key.createdAt),
                        key.lastUsedAt.map(RFC3339.text) ?? "never", key.expiresAt.map(RFC3339.text) ?? "never",
                        key.permissions.json?.text ?? "all",
                    ]
                })
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke API keys, for ever. Every gateway refuses them within two seconds.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The ids of the keys, not the keys themselves.") var ids: [String]

        func validate() throws {
            for id in ids where UUID(text: id) == nil {
                // The text may be a key: it is not repeated.
                throw ValidationError("an id is a UUID, as 'chorus key list' shows it")
            }
        }

        func run() async throws {
            try await DatabaseSession.with(options) { database in
                for id in ids.compactMap({ UUID(text: $0) }) {
                    _ = try await Store(database).revokeKey(id, of: nil)
                    Output.line("\(id.text) revoked")
                }
            }
        }
    }
}

extension KeyScope: ExpressibleByArgument {}

extension Store {
    /// The account with this address, where commands ask for one.
    func requireAccount(_ email: String) async throws -> UUID {
        guard let userID = try await accountID(email: email) else {
            throw ConfigurationFault(place: "--email", message: "there is no account \(email): 'chorus account create' makes one")
        }
        return userID
    }
}
