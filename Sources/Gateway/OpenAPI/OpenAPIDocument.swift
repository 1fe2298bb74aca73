import Domain
import Yams

/// The description of this API (OpenAPI 3.1.0), as `/openapi.json` serves it.
///
/// It is written by hand, a file a resource, and compiled in; a test holds it equal to the routes, and `Tests/API/check` to what they answer.
enum OpenAPIDocument {
    /// The files: the first holds what all share.
    private static let files: [[UInt8]] = [
        PackageResources.api_yaml, PackageResources.health_yaml, PackageResources.projects_yaml, PackageResources.tasks_yaml,
        PackageResources.fleet_yaml, PackageResources.accounts_yaml, PackageResources.access_yaml, PackageResources.feedback_yaml,
        PackageResources.events_yaml, PackageResources.webhooks_yaml,
        PackageResources.quotas_yaml,
    ]

    /// The whole document. Files that were compiled in are sound: a test reads them.
    static let value: JSONValue = {
        var document = JSONObject()
        for file in files {
            guard let part = (try? JSONValue(yaml: String(decoding: file, as: UTF8.self)))?.objectValue else { continue }
            document.merge(part)
        }
        return .object(document)
    }()
}

extension JSONObject {
    /// Takes over the members of another object: objects grow together, anything else is replaced.
    fileprivate mutating func merge(_ other: JSONObject) {
        for member in other.members {
            if var mine = self[member.key]?.objectValue, let others = member.value.objectValue {
                mine.merge(others)
                self[member.key] = .object(mine)
            } else {
                self[member.key] = member.value
            }
        }
    }
}

extension JSONValue {
    /// Reads a file of our own: YAML that says nothing that JSON cannot say.
    fileprivate init(yaml: String) throws { self.init(try Yams.compose(yaml: yaml)) }

    private init(_ node: Node?) {
        switch node {
        case .mapping(let mapping)?:
            var object = JSONObject()
            for (key, value) in mapping { object[key.scalar?.string ?? ""] = JSONValue(value) }
            self = .object(object)
        case .sequence(let sequence)?: self = .array(sequence.map { JSONValue($0) })
        case .scalar(let scalar)?: self = Self.value(scalar.string, isPlain: scalar.style == .plain)
        case .alias?, nil: self = .null
        }
    }

    private static func value(_ text: String, isPlain: Bool) -> JSONValue {
        guard isPlain else { return .string(text) }
        switch text {
        case "true": return true
        case "false": return false
        case "null": return .null
        default:
            return Int(text).map { .number(JSONNumber($0)) } ?? Double(text).flatMap(JSONNumber.init).map(JSONValue.number) ?? .string(text)
        }
    }
}
