import Domain
import FoundationEssentials
import Logging

/// Which project or task a request is about, by its path: what the lines of the log about it say.
enum RequestSubject {
    static func logFields(_ path: String) -> Logger.Metadata {
        let parts = path.prefix { $0 != "?" }.split(separator: "/", maxSplits: 3)
        // /v1/projects/{id}/…
        guard parts.count > 2, parts[0] == "v1", let id = UUID(text: String(parts[2])) else { return [:] }
        switch parts[1] {
        case "projects": return [LogKey.projectID: "\(id.text)"]
        case "tasks": return [LogKey.taskID: "\(id.text)"]
        default: return [:]
        }
    }
}
