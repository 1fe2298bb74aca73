import Domain
import FoundationEssentials

/// The body of `task.create`: tasks as over HTTP, where the path names their project, with the project named in each.
struct ProjectTasks {
    let projectID: UUID
    /// As over HTTP.
    let body: JSONValue

    init(reading body: JSONValue) throws(Problem) {
        guard let elements = body.arrayValue else {
            (projectID, self.body) = try Self.split(body, at: "")
            return
        }
        var tasks: [JSONValue] = []
        var projects: Set<UUID> = []
        for (index, element) in elements.enumerated() {
            let (projectID, task) = try Self.split(element, at: "/\(index)")
            tasks.append(task)
            projects.insert(projectID)
            guard projects.count == 1 else {
                throw .invalid([FieldError(pointer: "/\(index)/project_id", detail: "must be the same in all tasks of a message")])
            }
        }
        guard let projectID = projects.first else { throw .invalid([FieldError(pointer: "", detail: "must have an element at least")]) }
        self.projectID = projectID
        self.body = .array(tasks)
    }

    private static func split(_ task: JSONValue, at pointer: String) throws(Problem) -> (UUID, JSONValue) {
        guard var object = task.objectValue else {
            throw .invalid([
                FieldError(pointer: pointer, detail: "must be an object\(pointer.isEmpty ? " or an array" : ""), not \(task.kind)")
            ])
        }
        var fields = FieldReader(object, at: pointer)
        fields.require("project_id")
        guard let projectID = fields.uuid("project_id") else { throw .invalid(fields.errors) }
        object["project_id"] = nil
        return (projectID, .object(object))
    }
}
