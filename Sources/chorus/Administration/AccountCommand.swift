import ArgumentParser
import Domain
import Foundation
import Store

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Accounts.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account.",
            discussion:
                "The password is read from standard input, one line; so it stands neither in the list of processes nor in a history.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The address that the account is known by.") var email: String
        @Option(help: "The person's or the service's name.") var fullName: String?
        @Flag(help: "May administer others.") var admin = false
        @Flag(help: "Answer in JSON.") var json = false

        func validate() throws {
            guard email.contains("@"), email.count <= 255 else { throw ValidationError("--email must be an email address") }
            guard fullName?.count ?? 0 <= 100 else { throw ValidationError("--full-name must have at most 100 characters") }
        }

        func run() async throws {
            if isatty(STDIN_FILENO) == 1 { FileHandle.standardError.write(Data("Password: ".utf8)) }
            guard let password = readLine(strippingNewline: true), password.count >= 8 else {
                throw ConfigurationFault(place: "standard input", message: "the password must have at least 8 characters")
            }
            let hash = try PasswordHash(password: password)
            let id = try await DatabaseSession.with(options) {
                try await Store($0).createAccount(
                    email: email, password: hash, fullName: fullName, type: admin ? "admin" : "standard")
            }
            if json { Output.json(["user_id": .string(id.text), "email": .string(email)]) } else { print("account \(id.text)") }
        }
    }
}
