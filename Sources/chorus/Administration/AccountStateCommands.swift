import ArgumentParser
import Domain
import Store

extension AccountCommand {
    struct ResetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account another password, for somebody who forgot theirs. Its sessions end, its keys stay.",
            discussion: "The password is read from standard input, as 'chorus account create' does.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The account's address.") var email: EmailAddress

        func run() async throws {
            let hash = try PasswordHash(password: PasswordPrompt.chosen(for: email).text)
            try await AccountCommand.change([email], options, "has a new password") { store, email in
                try await store.resetPassword(ofAccount: email.text, to: hash)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Vouch for the addresses of accounts that registered by themselves: others can then add them to projects by them.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The accounts' addresses.") var emails: [EmailAddress]

        func run() async throws {
            try await AccountCommand.change(emails, options, "verified") { store, email in try await store.verifyAccount(email: email.text)
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Disable accounts: every gateway refuses their keys, sessions and logins within two seconds.",
            discussion: "Their projects and what is queued in them go on; 'chorus project pause' holds them.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The accounts' addresses.") var emails: [EmailAddress]

        func run() async throws {
            try await AccountCommand.change(emails, options, "disabled") { store, email in
                try await store.setStatus(.disabled, ofAccount: email.text)
            }
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enable accounts again, with the keys that they had and the sessions that still last.")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The accounts' addresses.") var emails: [EmailAddress]

        func run() async throws {
            try await AccountCommand.change(emails, options, "enabled") { store, email in
                try await store.setStatus(.active, ofAccount: email.text)
            }
        }
    }

    /// One after the other; what is done before an error stays done, and was said.
    fileprivate static func change(
        _ emails: [EmailAddress], _ options: ServerOptions, _ outcome: String,
        _ change: @Sendable (Store, EmailAddress) async throws -> AccountRecord
    ) async throws {
        try await DatabaseSession.with(options) { database in
            for email in emails {
                do {
                    let account = try await change(Store(database), email)
                    Output.line("\(account.email) \(outcome)")
                } catch let problem as Problem where problem.status == 404 {
                    throw ConfigurationFault(place: email.text, message: "there is no such account")
                }
            }
        }
    }
}
