public import FoundationEssentials

/// What a person changes of a project, checked.
public struct ProjectChange: Sendable, Hashable {
    public var name: String?
    public var description: FieldChange<String>
    public var priority: Int?
    public var deadline: FieldChange<Date>
    public var metadata: FieldChange<JSONObject>
    /// All settings anew: what they do not say is the standard.
    public var settings: ProjectSettings?

    /// Reads the body of `PATCH /v1/projects/{id}`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, knownEngines: EngineNames) throws(Problem) {
        var fields = try FieldReader(reading: body)
        name = fields.replacement("project_name") { $0.string("project_name", length: 1...255) }
        description = fields.change("project_description") { $0.string("project_description", length: 0...10_000) }
        priority = fields.replacement("priority") { $0.integer("priority", in: ProjectPriority.range) }
        deadline = fields.change("deadline") { $0.date("deadline") }
        metadata = fields.change("metadata") { $0.object("metadata") }
        if let object = fields.replacement("settings", { $0.object("settings") }) {
            var reader = FieldReader(object, at: fields.pointer(to: "settings"))
            settings = ProjectSettings(reading: &reader, knownEngines: knownEngines)
            fields.append(reader.errors)
        }
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
    }
}
