public import ArgumentParser
public import Domain
import Foundation
import Store

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Accounts.",
        subcommands: [Create.self, List.self, Invite.self, ResetPassword.self, Verify.self, Disable.self, Enable.self, QuotaCommand.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account.",
            discussion: """
                The password (12 characters at least) is read from standard input, one line; so it stands neither in the list of processes \
                nor in a history. With --service there is none: nobody can log in, and programs show keys ('chorus key create').
                """)

        @OptionGroup var options: ServerOptions
        @Option(help: "The address that the account is known by.") var email: EmailAddress
        @Option(help: "The person's or the service's name.") var fullName: String?
        @Flag(help: "May administer others.") var admin = false
        @Flag(help: "It is a service's: it has no password, and nobody can log in.") var service = false
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws {
            guard AccountRecord.nameLength.contains(fullName?.unicodeScalars.count ?? 1) else {
                throw ValidationError("--full-name must have 1 to 100 characters")
            }
        }

        func run() async throws {
            let hash = service ? nil : try PasswordHash(password: PasswordPrompt.chosen(for: email).text)
            let account = try await DatabaseSession.with(options) { database -> AccountRecord? in
                let store = Store(database)
                let id = try await store.createAccount(
                    email: email.text, password: hash, fullName: fullName, type: admin ? .admin : .standard)
                return try await store.account(id)
            }
            guard let account else { return }
            if json { Output.json(.object(account.json)) } else { print("account \(account.id.text)") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts, newest first.")

        @OptionGroup var options: ServerOptions
        @Option(help: "At most this many, 1 to 500.") var limit = 50
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws {
            guard (1...500).contains(limit) else { throw ValidationError("--limit must be 1 to 500") }
        }

        func run() async throws {
            let accounts = try await DatabaseSession.with(options) {
                try await Store($0).accounts(limit: limit, before: nil).elements
            }
            if json { return Output.json(["data": .array(accounts.map { .object($0.json) })]) }
            Output.table(
                ["ACCOUNT", "EMAIL", "NAME", "TYPE", "STATUS", "VERIFIED", "CREATED", "LAST LOGIN"],
                accounts.map { account in
                    [
                        account.id.text, account.email, account.fullName ?? "", account.kind.rawValue, account.status.rawValue,
                        account.isVerified ? "yes" : "no", RFC3339.text(account.createdAt), account.lastLogin.map(RFC3339.text) ?? "never",
                    ]
                })
        }
    }

    struct Invite: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Invite somebody to register, and show the code, this once.",
            discussion: "With it POST /v1/accounts makes one account, where accounts.registration is invite or open.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The only address that may use it; then it counts as verified.") var email: EmailAddress?
        @Option(help: ArgumentHelp("When it ends: a time (RFC 3339), or from now, such as 12h or 30d; 90d at most.", valueName: "when"))
        var expires = "7d"
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws { _ = try expiry() }

        private func expiry() throws -> Date {
            guard let date = ExpiryText.date(expires, from: Date()), NewInvitation.allows(date, at: Date()) else {
                throw ValidationError("--expires '\(expires)' must lie ahead by 90 days at most, such as 7d or 2030-01-31T12:00:00Z")
            }
            return date
        }

        func run() async throws {
            let new = NewInvitation(email: email, expiresAt: try expiry())
            let creation = try await DatabaseSession.with(options) { try await Store($0).invite(new, by: nil) }
            guard case .made(let made) = creation else { return }
            if json {
                var object = made.record.json
                object["code"] = .string(made.code.secret)
                Output.json(.object(object))
            } else {
                print(made.code.secret)
            }
        }
    }
}

extension EmailAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
