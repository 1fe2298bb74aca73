import Engines
import Foundation

extension ConfigurationSource {
    /// Reads every value once, so that a wrong one stops any command at its start and not when it is needed.
    func check() throws {
        for key in ConfigurationKey.all {
            switch key.kind {
            case .text: _ = try text(key.name)
            case .path: _ = try path(key.name)
            case .secret: _ = try secret(key.name)
            case .optionalSecret: _ = try optionalSecret(key.name)
            case .integer: _ = try integer(key.name)
            case .duration: _ = try duration(key.name)
            case .choice: _ = try choice(key.name)
            case .hosts: _ = try hosts(key.name)
            case .list: _ = list(key.name)
            }
        }
    }

    func hosts(_ name: String) throws -> EngineHosts {
        let value = self[name]
        do {
            return try EngineHosts(value.text)
        } catch {
            throw ConfigurationFault(place: value.place, message: "\(name): \(error)")
        }
    }

    func text(_ name: String) throws -> String {
        let value = self[name]
        guard !value.text.isEmpty else { throw ConfigurationFault(place: value.place, message: "\(name) must not be empty") }
        return value.text
    }

    /// nil where none is set.
    func path(_ name: String) throws -> String? {
        let value = self[name]
        guard !value.text.isEmpty else { return nil }
        guard value.text.hasPrefix("/") else { throw wrong(value, name) }
        return value.text
    }

    func list(_ name: String) -> [String] {
        self[name].text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// What is wrong with a value that a part of Chorus could not use.
    func fault(_ name: String, _ message: String) -> ConfigurationFault {
        ConfigurationFault(place: self[name].place, message: "\(name) \(message)")
    }

    func integer(_ name: String) throws -> Int {
        let value = self[name]
        guard case .integer(let range) = kind(name), let integer = Int(value.text), range.contains(integer) else {
            throw wrong(value, name)
        }
        return integer
    }

    func choice(_ name: String) throws -> String {
        let value = self[name]
        guard case .choice(let choices) = kind(name), choices.contains(value.text) else { throw wrong(value, name) }
        return value.text
    }

    func duration(_ name: String) throws -> Duration {
        let value = self[name]
        guard case .duration(let range) = kind(name), let duration = Duration(text: value.text), range.contains(duration) else {
            throw wrong(value, name)
        }
        return duration
    }

    /// A secret given in place, or named: `env:NAME` reads the environment, `credential:NAME` a systemd credential.
    func secret(_ name: String) throws -> String {
        let value = self[name]
        let parts = value.text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return try text(name) }
        switch parts[0] {
        case "env":
            guard let text = ProcessInfo.processInfo.environment[parts[1]], !text.isEmpty else {
                throw ConfigurationFault(
                    place: value.place, message: "\(name) names the environment variable \(parts[1]), which is not set")
            }
            return text
        case "credential":
            guard let folder = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"],
                let data = FileManager.default.contents(atPath: "\(folder)/\(parts[1])")
            else {
                throw ConfigurationFault(
                    place: value.place, message: "\(name) names the credential \(parts[1]), which $CREDENTIALS_DIRECTORY does not hold")
            }
            return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        default: return try text(name)
        }
    }

    /// nil where none is set.
    func optionalSecret(_ name: String) throws -> String? { self[name].text.isEmpty ? nil : try secret(name) }

    private func kind(_ name: String) -> ConfigurationKey.Kind? {
        ConfigurationKey.all.first { $0.name == name }?.kind
    }

    private func wrong(_ value: Value, _ name: String) -> ConfigurationFault {
        let allowed =
            switch kind(name) {
            case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
            case .duration(let range):
                "a duration such as 250ms, 30s or 5m, \(range.lowerBound.components.seconds)s to \(range.upperBound.components.seconds)s"
            case .choice(let choices): "one of \(choices.joined(separator: ", "))"
            case .path: "an absolute path"
            case .text, .secret, .optionalSecret, .hosts, .list, nil: "a text"
            }
        return ConfigurationFault(place: value.place, message: "\(name) must be \(allowed), not '\(value.text.prefix(60))'")
    }
}

extension Duration {
    /// `250ms`, `30s`, `5m`, `2h`; nil for anything else.
    init?(text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(count)
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3_600)
        default: return nil
        }
    }
}
