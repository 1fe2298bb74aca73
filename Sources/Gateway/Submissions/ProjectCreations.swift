import Domain
import Store

/// Checks the project that a body asks for and makes it, whichever way the body came.
struct ProjectCreations: Sendable {
    let store: Store
    let engines: EngineDirectory
    /// Must not wait.
    let onCreated: @Sendable () -> Void

    func create(_ body: JSONValue, by principal: Principal) async throws -> ProjectRecord {
        let project = try await engines.reading { names throws(Problem) in try NewProject(reading: body, knownEngines: names) }
        let record = try await store.createProject(project, principal: principal)
        onCreated()
        return record
    }
}
