public import FoundationEssentials

/// What a key may of all that its user may (`api_keys.permissions`).
public struct KeyPermissions: Sendable, Hashable {
    /// nil for every one, also those that later releases add.
    public var scopes: Set<KeyScope>?
    /// The projects that the key sees; nil for all of its user's.
    public var projects: Set<UUID>?

    public static let everything = KeyPermissions()

    public init(scopes: Set<KeyScope>? = nil, projects: Set<UUID>? = nil) {
        self.scopes = scopes
        self.projects = projects
    }

    public func allows(_ scope: KeyScope) -> Bool { scopes?.contains(scope) ?? true }

    public func sees(project id: UUID) -> Bool { projects?.contains(id) ?? true }
}

extension KeyPermissions {
    /// Reads what the database holds. A scope that this release does not know gives nothing, and what cannot be read at all gives nothing
    /// either: a key is never wider than it was made.
    public init(stored value: JSONValue?) {
        guard let value, !value.isNull else {
            self = .everything
            return
        }
        guard let object = value.objectValue else {
            self.init(scopes: [], projects: [])
            return
        }
        self.init(
            scopes: Self.set(object["scopes"]) { KeyScope(rawValue: $0) }, projects: Self.set(object["projects"]) { UUID(text: $0) })
    }

    private static func set<Element>(_ value: JSONValue?, _ element: (String) -> Element?) -> Set<Element>? {
        guard let value, !value.isNull else { return nil }
        return Set((value.arrayValue ?? []).compactMap { $0.stringValue.flatMap(element) })
    }

    /// As it is stored and shown; nil where nothing is narrowed.
    public var json: JSONValue? {
        guard self != .everything else { return nil }
        return [
            "scopes": scopes.map { .array($0.map(\.rawValue).sorted().map { .string($0) }) } ?? .null,
            "projects": projects.map { .array($0.map(\.text).sorted().map { .string($0) }) } ?? .null,
        ]
    }
}
