public import FoundationEssentials

/// An API key as a caller asks for it, checked.
public struct NewKey: Sendable, Hashable {
    /// The most projects that one key names: it is read whole with every request.
    public static let projectLimit = 100

    /// What it is for.
    public var name: String?
    public var expiresAt: Date?
    public var permissions: KeyPermissions

    public init(name: String?, expiresAt: Date? = nil, permissions: KeyPermissions = .everything) {
        self.name = name
        self.expiresAt = expiresAt
        self.permissions = permissions
    }

    /// Reads the body of `POST /v1/api-keys`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, at now: Date) throws(Problem) {
        var fields = try FieldReader(reading: body)
        name = fields.string("name", length: 1...100)
        expiresAt = fields.date("expires_at")
        if let expiresAt, expiresAt <= now { fields.fail("expires_at", "must lie ahead") }
        permissions = .everything
        if let object = fields.object("permissions") {
            var reader = FieldReader(object, at: fields.pointer(to: "permissions"))
            permissions = KeyPermissions(reading: &reader)
            fields.append(reader.errors)
        }
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
    }
}

extension KeyPermissions {
    /// Reads the field `permissions`; what is wrong is left in `reader.errors`.
    init(reading reader: inout FieldReader) {
        let names = KeyScope.allCases.map(\.rawValue).joined(separator: ", ")
        scopes = Self.set("scopes", limit: KeyScope.allCases.count, expected: "one of \(names)", from: &reader) { KeyScope(rawValue: $0) }
        projects = Self.set("projects", limit: NewKey.projectLimit, expected: "the id of a project", from: &reader) { UUID(text: $0) }
        reader.finish()
    }

    private static func set<Element>(
        _ key: String, limit: Int, expected: String, from reader: inout FieldReader, _ element: (String) -> Element?
    ) -> Set<Element>? {
        guard let values = reader.array(key, count: 1...limit) else { return nil }
        var set: Set<Element> = []
        for (index, value) in values.enumerated() {
            if let known = value.stringValue.flatMap(element) {
                set.insert(known)
            } else {
                reader.fail(at: "\(reader.pointer(to: key))/\(index)", "must be \(expected)")
            }
        }
        return set
    }

    /// Whether these give nothing that `other` does not.
    public func isWithin(_ other: KeyPermissions) -> Bool { Self.isWithin(scopes, other.scopes) && Self.isWithin(projects, other.projects) }

    private static func isWithin<Element>(_ set: Set<Element>?, _ other: Set<Element>?) -> Bool {
        guard let other else { return true }
        return set?.isSubset(of: other) ?? false
    }
}

extension Principal {
    /// Passes where they may make the key: nobody hands on more than they hold.
    public func requireMaking(_ key: NewKey) throws(Problem) {
        try require(.keysWrite)
        guard key.permissions.isWithin(permissions) else {
            throw .forbidden(
                "An API key cannot make one that may more than itself.",
                errors: [FieldError(pointer: "/permissions", detail: "must name scopes and projects of the key that you show")])
        }
    }
}
