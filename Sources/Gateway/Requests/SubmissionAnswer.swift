import Domain
import FoundationEssentials
import Store

/// What a caller is told of tasks that were accepted, over HTTP and by message alike.
struct SubmissionAnswer {
    let projectID: UUID
    let tasks: [NewTask]
    /// One task that came by itself, and not in an array.
    let isSingle: Bool

    /// - Parameter acceptedAt: nil for what is kept for repetitions, whose time is told beside it.
    func json(acceptedAt: Date?) -> JSONValue {
        guard isSingle, let task = tasks.first else {
            let size = tasks.reduce(0) { $0 + $1.familySize }
            return ["accepted": .number(JSONNumber(size)), "task_ids": .array(tasks.map { .string($0.id.text) })]
        }
        var object: JSONObject = [
            "task_id": .string(task.id.text),
            "project_id": .string(projectID.text),
            "task_type": .string(task.type),
            "priority": .number(JSONNumber(task.priority)),
            "status": .string(TaskStatus.pending.rawValue),
            "created_at": JSONValue(acceptedAt),
        ]
        if let children = task.children { object["children"] = Self.ids(of: children) }
        return .object(object)
    }

    /// The path of the task.
    var location: String? { isSingle ? tasks.first.map { "/v1/tasks/\($0.id.text)" } : nil }

    /// What goes with the submission where its caller may send it again.
    var first: FirstAnswer { FirstAnswer(location: location, body: json(acceptedAt: nil).text) }

    /// Who is who in a family: nested as it came.
    private static func ids(of children: [NewTask]) -> JSONValue {
        .array(
            children.map { child in
                var object: JSONObject = ["task_id": .string(child.id.text)]
                if let children = child.children { object["children"] = ids(of: children) }
                return .object(object)
            })
    }
}
