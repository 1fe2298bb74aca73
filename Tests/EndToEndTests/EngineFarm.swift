import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Store
import TestSupport

@testable import Operations

/// Several simulated engines, each a process of its own, beside a gateway: workers are the test's to start.
struct EngineFarm: Sendable {
    struct Engine: Sendable {
        var name: String
        var port: Int
        var process: ChildProcess
    }

    let fleet: Fleet
    let engines: [Engine]
    let project: String

    /// - Parameters:
    ///   - engines: names, and the arguments that each is started with.
    ///   - settings: the project's.
    static func with(
        _ engines: KeyValuePairs<String, [String]>, settings: JSONValue = [:], _ body: (EngineFarm) async throws -> Void
    ) async throws {
        let fleet = try await Fleet.make()
        var started: [Engine] = []
        let outcome: Result<Void, any Error>
        do {
            for (name, arguments) in engines {
                let port = try LoopbackPort.free()
                started.append(
                    Engine(
                        name: name, port: port,
                        process: try await fleet.start(["simulate-engine", "--port", "\(port)"] + arguments)))
            }
            for engine in started {
                try await eventually("\(engine.name) listens") { LoopbackProbe.isListening(port: engine.port) }
            }
            try await apply(started, fleet)
            let gateway = try await fleet.startGateway()
            let farm = EngineFarm(fleet: fleet, engines: started, project: try await makeProject(fleet, settings))
            do { outcome = .success(try await body(farm)) } catch { outcome = .failure(error) }
            await gateway.terminate(grace: .seconds(10))
        } catch {
            outcome = .failure(error)
        }
        for engine in started { await engine.process.terminate(grace: .seconds(5)) }
        await fleet.stop()
        try outcome.get()
    }

    private static func apply(_ engines: [Engine], _ fleet: Fleet) async throws {
        let rows = engines.map { engine in
            EngineRow(
                name: engine.name, type: "openai",
                definition: [
                    "name": .string(engine.name), "engine_type": "openai", "base_url": .string("http://127.0.0.1:\(engine.port)/v1"),
                    "model": "simulated", "price": ["prompt_per_million": 1, "completion_per_million": 2],
                ])
        }
        try await Fleet.withDatabase(fleet.environment["CHORUS_DATABASE_URL"] ?? "") { try await Store($0).applyEngines(rows) }
    }

    private static func makeProject(_ fleet: Fleet, _ settings: JSONValue) async throws -> String {
        let (response, project) = try await fleet.request(.post, "/v1/projects", ["project_name": "Farm", "settings": settings])
        guard let id = project["project_id"]?.stringValue else {
            throw DevSystem.Unexpected(status: response.status.code, answer: project)
        }
        return id
    }

    func startWorker() async throws -> ChildProcess {
        try await fleet.start(["worker"], extra: ["CHORUS_WORKER_STATE_DIRECTORY": try await TestFolder.fresh("worker")])
    }

    func submit(_ input: JSONObject) async throws -> String {
        let (response, task) = try await fleet.request(
            .post, "/v1/projects/\(project)/tasks", ["task_type": "chat", "input_data": .object(input)])
        guard let id = task["task_id"]?.stringValue else { throw DevSystem.Unexpected(status: response.status.code, answer: task) }
        return id
    }

    /// Waits until the task has ended, and gives it.
    func ended(_ id: String, within limit: Duration = .seconds(60)) async throws -> JSONValue {
        try await eventually("the task ends", within: limit) {
            ["completed", "failed", "cancelled"].contains(try await fleet.request(.get, "/v1/tasks/\(id)").1["status"]?.stringValue ?? "")
        }
        return try await fleet.request(.get, "/v1/tasks/\(id)").1
    }

    /// The task's calls by engine; several of one engine in their order.
    func results(_ id: String) async throws -> [String: [JSONValue]] {
        let rows = try await fleet.request(.get, "/v1/tasks/\(id)/results").1["data"]?.arrayValue ?? []
        return Dictionary(grouping: rows) { $0["engine_type"]?.stringValue ?? "" }
    }

    func stats(_ name: String) async throws -> JSONValue {
        try await fleet.send(.get, "/stats", port: try port(of: name), nil).1
    }

    func callsInFlight() async throws -> Int {
        var calls = 0
        for engine in engines { calls += try await stats(engine.name)["in_flight"]?.intValue ?? 0 }
        return calls
    }

    /// What becomes of the engine's calls from now on, as ``SimulatedOrder`` reads it.
    func order(_ name: String, _ text: String) async throws {
        let request = HTTPRequest(method: .put, scheme: "http", authority: "127.0.0.1:\(try port(of: name))", path: "/order")
        let (_, response) = try await fleet.session.upload(for: request, from: Array(text.utf8))
        guard response.status == .noContent else { throw DevSystem.Unexpected(status: response.status.code, answer: .string(text)) }
    }

    private func port(of name: String) throws -> Int {
        guard let engine = engines.first(where: { $0.name == name }) else {
            throw DevSystem.Unexpected(status: 0, answer: .string("no engine \(name)"))
        }
        return engine.port
    }
}
