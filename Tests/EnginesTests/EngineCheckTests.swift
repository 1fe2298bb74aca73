import Domain
import HTTPTypes
import NIOURLSession
import Operations
import Testing

@testable import Engines

/// A check says in words what is wrong with an engine.
@Suite(.timeLimit(.minutes(1))) struct EngineCheckTests {
    private static func definition(_ url: String, secret: SecretReference? = nil) throws -> EngineDefinition {
        EngineDefinition(name: "checked", baseURL: try EngineURL(url), model: "model-a", secret: secret)
    }

    private static func check(
        _ system: SimulatedSystem, _ definition: EngineDefinition, order: String? = nil, hosts: EngineHosts = .any,
        timeout: Duration = .seconds(10)
    ) async throws -> EngineCheck {
        if let order {
            let request = HTTPRequest(method: .put, scheme: "http", authority: "127.0.0.1:\(system.port)", path: "/order")
            _ = try await system.session.upload(for: request, from: Array(order.utf8))
        }
        return await EngineCheck.check(
            definition, session: system.session, secrets: SecretSource(environment: ["KEY": "verysecret"]), hosts: hosts, timeout: timeout)
    }

    @Test(arguments: EngineType.allCases) func anEngineThatAnswersIsWell(type: EngineType) async throws {
        try await withSimulatedEngine { system in
            let check = try await Self.check(system, system.engine(type).definition)
            #expect(check.fault == nil && check.advice == nil)
            #expect(check.model == "model-a")
            #expect(check.usage?.totalTokens ?? 0 > 0)
            #expect(check.json["ok"] == true)
        }
    }

    @Test(arguments: [
        ("status=401", 401, "permanent", "it does not take the key in env:KEY"),
        ("status=404", 404, "permanent", "is there a model 'model-a'?"),
        ("status=400", 400, "permanent", "is there a model 'model-a'"),
        ("status=429", 429, "refused", "it is there and takes the key, but not now"),
        ("status=500", 500, "passing", "engine_type 'openai'"),
    ])
    func whatAnEngineRefusesIsExplained(order: String, status: Int, kind: String, advice: String) async throws {
        try await withSimulatedEngine { system in
            let definition = try Self.definition("http://127.0.0.1:\(system.port)/v1", secret: .environment("KEY"))
            let check = try await Self.check(system, definition, order: order)
            #expect(check.statusCode == status && check.kind == kind)
            #expect(check.advice?.contains(advice) ?? false, "\(check)")
            #expect(check.json["ok"] == false && check.json["error"] != nil)
            #expect(!check.json.text.contains("verysecret"))
        }
    }

    @Test func whatCannotBeCalledIsExplained() async throws {
        try await withSimulatedEngine { system in
            let gone = try await Self.check(system, Self.definition("http://127.0.0.1:1/v1"))
            #expect(gone.kind == "not_sent" && gone.fault?.contains("connection_refused") ?? false)
            #expect(gone.advice?.contains("does the server run") ?? false)

            let lost = try await Self.check(system, Self.definition("http://127.0.0.1:\(system.port)/elsewhere"))
            #expect(lost.statusCode == 404 && lost.advice?.contains("end where the API begins") ?? false)

            let address = "http://127.0.0.1:\(system.port)/v1"
            let keyless = try await Self.check(system, Self.definition(address, secret: .environment("MISSING")))
            #expect(keyless.kind == "setup")
            #expect(keyless.fault == "secret env:MISSING: the environment variable MISSING is not set")

            let barred = try await Self.check(system, Self.definition(address), hosts: EngineHosts("api.example.com"))
            #expect(barred.kind == "setup" && barred.fault?.contains("which engines.allowed_hosts does not name") ?? false)
            #expect(try await system.stats()["calls"] == 0)
        }
    }

    @Test func anEngineThatThinksTooLongIsExplained() async throws {
        try await withSimulatedEngine(SimulatedEngineConfiguration(latency: .seconds(30))) { system in
            let definition = try Self.definition("http://127.0.0.1:\(system.port)/v1")
            let check = try await Self.check(system, definition, timeout: .milliseconds(500))
            #expect(check.kind == "unknown" && check.advice?.contains("limits.timeout") ?? false, "\(check)")
        }
    }
}
