import ArgumentParser
import Domain
import Foundation
import Operations

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "The configuration: is it right, and where does each value come from?",
        subcommands: [Check.self, Show.self, Metrics.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read everything that a server would read, and say what is wrong, with its line. Connects to nothing.")

        @OptionGroup var options: ServerOptions
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let configuration = try ChorusConfiguration(path: options.config, applicationName: "chorus-config")
            let changed = ConfigurationKey.all.count { configuration.source[$0.name].origin != .standard }
            if json {
                Output.json(["ok": true, "keys": .number(JSONNumber(ConfigurationKey.all.count)), "set": .number(JSONNumber(changed))])
            } else {
                Output.line("\(ConfigurationKey.all.count) keys, \(changed) of them set, all right")
            }
        }
    }

    struct Metrics: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what every metric means, as Markdown: what deploy/metrics.md holds.")

        func run() { Output.text(MetricsPage.text) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List every key with its value and its origin: a credential, the file's line, the environment, the default.",
            discussion: "Secrets stay hidden.")

        @OptionGroup var options: ServerOptions
        @Flag(help: "Only what is not the default.") var changed = false
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            let source = try ConfigurationSource(path: options.config)
            let keys = ConfigurationKey.all.filter { !changed || source[$0.name].origin != .standard }
            if json {
                Output.json([
                    "data": .array(
                        keys.map { key in
                            [
                                "key": .string(key.name), "value": .string(key.shown(source[key.name].text)),
                                "origin": .string(key.origin(of: source[key.name])), "place": .string(source[key.name].place),
                                "live": .bool(key.isLive),
                            ]
                        })
                ])
            } else {
                Output.table(
                    ["KEY", "VALUE", "FROM"],
                    keys.map { key in
                        let value = source[key.name]
                        let place = value.origin == .standard ? "default" : value.place
                        return [key.name, key.shown(value.text), key.credential(value.text) == nil ? place : "credential, by \(place)"]
                    })
            }
        }
    }
}

extension ConfigurationKey {
    private static let credentialPrefix = "credential:"

    /// The name of the systemd credential that holds the value; nil where none does.
    func credential(_ text: String) -> String? {
        switch kind {
        case .secret, .optionalSecret:
            text.hasPrefix(Self.credentialPrefix) ? String(text.dropFirst(Self.credentialPrefix.count)) : nil
        default: nil
        }
    }

    /// In a word.
    func origin(of value: ConfigurationSource.Value) -> String { credential(value.text) == nil ? value.origin.rawValue : "credential" }

    /// The value as people may see it: a secret that is named stays named, of a URL its password and its query are left out.
    func shown(_ text: String) -> String {
        switch kind {
        case .secret, .optionalSecret: break
        default: return text
        }
        if text.isEmpty { return text }
        if text.hasPrefix("env:") || text.hasPrefix("credential:") { return text }
        guard let scheme = text.range(of: "://") else { return "…" }
        let rest = text[scheme.upperBound...].prefix { $0 != "?" }
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        // Everything before the last @ may hold a password, which may hold an @ itself.
        guard let at = authority.lastIndex(of: "@") else { return "\(text[..<scheme.upperBound])\(rest)" }
        let user = authority[..<at].prefix { $0 != ":" }
        return "\(text[..<scheme.upperBound])\(user):…@\(authority[authority.index(after: at)...])\(path)"
    }
}
