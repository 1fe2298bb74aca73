import ArgumentParser
import Domain
import Store

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an API key and show it, this once: the database holds its digest only.")

        @OptionGroup var options: ServerOptions
        @Option(help: "The account's address.") var email: String
        @Option(help: "What the key is for.") var name: String?
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let made = try await DatabaseSession.with(options) { database in
                let store = Store(database)
                guard let userID = try await store.accountID(email: email) else {
                    throw ConfigurationFault(place: "--email", message: "there is no account \(email): 'chorus account create' makes one")
                }
                return try await store.createKey(userID: userID, name: name)
            }
            if json {
                Output.json(["key_id": .string(made.id.text), "api_key": .string(made.key.secret)])
            } else {
                print(made.key.secret)
            }
        }
    }
}
