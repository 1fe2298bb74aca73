import Domain
import FoundationEssentials
import Store

/// Tasks that were stored, as their sender is told of them.
struct SubmittedTasks: Sendable {
    let submission: Submission
    /// They came as an array: the answer is short, and says the ids.
    let isList: Bool
    let acceptedAt: Date

    /// The one task that came alone.
    var task: NewTask? { isList ? nil : submission.tasks.first }

    var json: JSONValue {
        guard let task else {
            return [
                "accepted": .number(JSONNumber(submission.size)), "task_ids": .array(submission.tasks.map { .string($0.id.text) }),
            ]
        }
        var object: JSONObject = [
            "task_id": .string(task.id.text),
            "project_id": .string(submission.projectID.text),
            "task_type": .string(task.type),
            "priority": .number(JSONNumber(task.priority)),
            "status": .string(TaskStatus.pending.rawValue),
            "created_at": JSONValue(acceptedAt),
        ]
        if let children = task.children { object["children"] = Self.ids(of: children) }
        return .object(object)
    }

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
