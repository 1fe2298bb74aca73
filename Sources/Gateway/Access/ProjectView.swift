import Domain
import FoundationEssentials
import Store

/// What the gateway remembers of a project for one user.
struct ProjectView: Sendable, Hashable {
    /// nil where they are nothing in it.
    let role: ProjectRole?
    /// The engines of its tasks that name none; nil where it names none either.
    let engines: [String]?

    init(_ standing: ProjectStanding) {
        role = standing.role
        let names = standing.settings?["engines"]?.arrayValue?.compactMap(\.stringValue) ?? []
        engines = names.isEmpty ? nil : names
    }

    /// One user's view of one project.
    struct Key: Sendable, Hashable {
        var projectID: UUID
        var userID: UUID
    }
}
