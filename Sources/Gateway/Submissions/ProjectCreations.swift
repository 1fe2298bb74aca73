import Domain
import Store

/// Checks the project that a body asks for and makes it, whichever way the body came.
struct ProjectCreations: Sendable {
    let store: Store
    let engines: EngineDirectory
    let webhooks: Webhooks
    /// Must not wait.
    let onCreated: @Sendable () -> Void

    /// - Parameter request: the key that the body came under: what was made under it before is not made again.
    func create(
        _ body: JSONValue, by principal: Principal, under request: IdempotentRequest? = nil
    ) async throws -> Creation<ProjectRecord> {
        if let request, let first = try await store.repetition(of: request) { return .repeated(first) }
        let project = try await engines.reading { names throws(Problem) in try NewProject(reading: body, knownEngines: names) }
        try webhooks.check(project.settings.object)
        let creation = try await store.createProject(project, principal: principal, under: request)
        if case .made = creation { onCreated() }
        return creation
    }
}
