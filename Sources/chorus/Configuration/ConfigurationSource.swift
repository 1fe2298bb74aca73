import Foundation
import Yams

/// The configuration's values, each with where it comes from: the environment goes over the file, the file over the defaults.
struct ConfigurationSource: Sendable {
    struct Value: Sendable {
        var text: String
        /// Where it stands, for error messages.
        var place: String
        var origin = Origin.standard
    }

    enum Origin: String, Sendable {
        case standard = "default"
        case file
        case environment
    }

    private var values: [String: Value] = [:]

    /// - Parameter path: the file; nil looks for `$CHORUS_CONFIG`, then for the system's own file, and does without where there is none.
    init(path: String?, environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        for key in ConfigurationKey.all { values[key.name] = Value(text: key.standard, place: "the default of \(key.name)") }
        if let path = try Self.file(path, environment) { try readFile(path) }
        for key in ConfigurationKey.all {
            if let text = environment[key.environmentName] {
                values[key.name] = Value(text: text, place: key.environmentName, origin: .environment)
            }
        }
        try check()
    }

    subscript(name: String) -> Value {
        get { values[name] ?? Value(text: "", place: name) }
        set { values[name] = newValue }
    }

    private static let systemPath = "/etc/chorus/chorus.yaml"

    private static func file(_ path: String?, _ environment: [String: String]) throws -> String? {
        if let path = path ?? environment["CHORUS_CONFIG"] { return path }
        return FileManager.default.fileExists(atPath: systemPath) ? systemPath : nil
    }

    private mutating func readFile(_ path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationFault(place: path, message: "the file cannot be read")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch let error as YamlError {
            throw ConfigurationFault(place: path, message: "not YAML: \(error)")
        }
        guard let node else { return }
        guard let sections = node.mapping else { throw fault(path, node, "the file must hold sections, such as 'http:'") }
        for (section, content) in sections {
            let name = try text(of: section, path, "a section's name")
            guard let entries = content.mapping else { throw fault(path, content, "the section '\(name)' must hold keys") }
            for (key, value) in entries {
                try readEntry("\(name).\(text(of: key, path, "a key"))", key, value, path)
            }
        }
    }

    private mutating func readEntry(_ name: String, _ key: Node, _ value: Node, _ path: String) throws {
        guard ConfigurationKey.all.contains(where: { $0.name == name }) else {
            let known = ConfigurationKey.all.map(\.name).joined(separator: ", ")
            throw fault(path, key, "there is no key '\(name)' (known: \(known))")
        }
        values[name] = Value(text: try text(of: value, path, name), place: place(path, value), origin: .file)
    }

    private func text(of node: Node, _ path: String, _ what: String) throws -> String {
        guard let scalar = node.scalar else { throw fault(path, node, "\(what) must be a single value") }
        return scalar.string
    }

    private func place(_ path: String, _ node: Node) -> String { node.mark.map { "\(path):\($0.line)" } ?? path }

    private func fault(_ path: String, _ node: Node, _ message: String) -> ConfigurationFault {
        ConfigurationFault(place: place(path, node), message: message)
    }
}
