import Domain
import Engines
import FoundationEssentials
import Logging
import Queues
import Store

/// Answers the announcement of a project: checks from here, where its work will run, that every engine it names is known, has its secret
/// and answers, and writes down what was found.
struct ProjectWelcome: Sendable {
    let engines: EngineRegistry
    let store: Store
    let logger: Logger

    func welcome(_ projectID: UUID, worker: String) async throws {
        guard let project = try await store.project(projectID) else { return }
        let named = project.settings?["engines"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let judge = project.settings?["judge"]?.stringValue
        let names = (named.isEmpty ? engines.defaultEngine.map { [$0] } ?? [] : named) + (judge.map { [$0] } ?? [])
        var findings = JSONObject()
        for name in names { findings[name] = .string(await finding(name)) }
        let isReady = !names.isEmpty && findings.members.allSatisfy { $0.value == "ready" }
        try await store.logActivity(
            projectID: projectID, userID: project.userID, type: "engines_checked",
            description: isReady ? "Every engine of the project answers." : "Not every engine of the project answers.",
            metadata: .object(["worker": .string(worker), "engines": .object(findings)]))
    }

    private func finding(_ name: String) async -> String {
        do {
            try await engines.engine(name).probe()
            return "ready"
        } catch {
            return "\(error)"
        }
    }
}
