public import FoundationEssentials

/// A project as a caller asks for it, checked.
public struct NewProject: Sendable, Hashable {
    public var id: UUID
    /// Unique among its user's projects.
    public var name: String
    public var description: String?
    /// Its weight against other projects, 1 to 100.
    public var priority: Int
    public var deadline: Date?
    public var metadata: JSONObject?
    public var settings: ProjectSettings
    /// The id of the API key that the project belongs to, where the body names one.
    public var apiKeyID: UUID?

    /// Reads the body of `POST /v1/projects`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, knownEngines: EngineNames) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("project_name")
        let name = fields.string("project_name", length: 1...255)
        description = fields.string("project_description", length: 0...10_000)
        priority = fields.integer("priority", in: ProjectPriority.range) ?? ProjectPriority.standard
        deadline = fields.date("deadline")
        metadata = fields.object("metadata")
        apiKeyID = fields.uuid("api_key")
        settings = ProjectSettings()
        if let object = fields.object("settings") {
            var reader = FieldReader(object, at: fields.pointer(to: "settings"))
            settings = ProjectSettings(reading: &reader, knownEngines: knownEngines)
            fields.append(reader.errors)
        }
        fields.finish()
        guard fields.errors.isEmpty, let name else { throw .invalid(fields.errors) }
        self.name = name
        id = .v7()
    }
}

/// What a project's `priority` may be: a weight, so that 2 gets twice the share of 1.
public enum ProjectPriority {
    public static let range = 1...100
    public static let standard = 1
}
