import Domain
import Logging
import NIOURLSession
import Operations
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct EngineTests {
    private func run(
        _ configuration: SimulatedEngineConfiguration = SimulatedEngineConfiguration(), secret: Secret? = nil,
        _ body: (Engine, NIOURLSession) async throws -> Void
    ) async throws {
        try await withSimulatedEngine(configuration) { simulated in
            try await body(try simulated.engine(secret: secret), simulated.session)
        }
    }

    private func failure(_ engine: Engine, _ input: JSONObject, timeout: Duration? = nil) async -> EngineError? {
        do {
            _ = try await engine.call(input, timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    @Test func anAnswerIsTheContracts() async throws {
        try await run { engine, _ in
            let answer = try await engine.call(["prompt": "one two three"], idempotencyKey: "k")
            #expect(
                answer.outputData == [
                    "text": "Simulated answer to: one two three", "engine": "simulated", "model": "model-a", "finish_reason": "stop",
                    "usage": ["prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9],
                ])
            #expect(answer.processingTime > .zero)
            try await engine.probe()
        }
    }

    @Test func aTimeoutAfterSendingIsUnknown() async throws {
        try await run { engine, _ in
            let error = await failure(engine, ["prompt": "x", "simulate": "latency=30s"], timeout: .milliseconds(500))
            #expect(error?.kind == .unknown)
            #expect(error?.wasSent == true)
        }
    }

    @Test func anEngineThatIsNotThereWasNotAsked() async throws {
        try await run { engine, session in
            let address = try EngineURL("http://127.0.0.1:1/v1")
            let gone = Engine(definition: EngineDefinition(name: "gone", baseURL: address, model: "m"), secret: nil, session: session)
            let error = await failure(gone, ["prompt": "x"])
            #expect(error?.kind == .notSent)
            #expect(error?.wasSent == false)
            await #expect(throws: EngineError.self) { try await gone.probe() }
        }
    }

    @Test func theSecretIsNotInTheEnginesWords() async throws {
        // The simulated engine answers 400 with the command it does not know.
        try await run(secret: Secret("verysecret")) { engine, _ in
            let error = await failure(engine, ["prompt": "x", "simulate": "verysecret"])
            #expect(error?.message == "unknown simulation: [redacted]")
        }
    }

    @Test func theRegistryKnowsItsEngines() async throws {
        let session = NIOURLSession(logger: Logger(label: "test"))
        let registry = EngineRegistry(session: session, secrets: SecretSource(environment: ["KEY": "x"]))
        #expect(throws: EngineRegistryError.none) { try registry.engine() }
        let address = try EngineURL("http://127.0.0.1:1")
        let faults = registry.replace(with: [
            EngineDefinition(name: "a", baseURL: address, model: "m", secret: .environment("KEY")),
            EngineDefinition(name: "b", baseURL: address, model: "m", secret: .environment("MISSING")),
            EngineDefinition(name: "c", engineType: .gemini, baseURL: address, model: "m"),
        ])
        #expect(faults.map(\.engine) == ["b"])
        #expect(try registry.engine().definition.name == "a")
        let missing = #expect(throws: EngineRegistryError.self) { try registry.engine("b") }
        #expect(missing?.description == "engine b: secret env:MISSING: the environment variable MISSING is not set")
        let unknown = #expect(throws: EngineRegistryError.self) { try registry.engine("z") }
        #expect(unknown?.description == "there is no engine 'z'; known are a, b, c")
        registry.replace(with: [], defaultEngine: nil)
        #expect(throws: EngineRegistryError.none) { try registry.engine() }
        await session.shutdown()
    }
}
