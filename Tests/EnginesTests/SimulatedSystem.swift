import Domain
import HTTPTypes
import Logging
import NIOURLSession
import Operations
import ServiceLifecycle
import Testing

@testable import Engines

/// A simulated engine on a port of its own, and a session to call it with.
struct SimulatedSystem: Sendable {
    let port: Int
    let session: NIOURLSession

    /// An engine of any type: the simulated one speaks all formats.
    func engine(
        _ type: EngineType = .openai, secret: Secret? = nil, streams: Bool = true, limits: EngineLimits = EngineLimits()
    ) throws -> Engine {
        let path =
            switch type {
            case .openai, .anthropic: "/v1"
            case .gemini: "/v1beta"
            case .ollama: "/api"
            }
        let definition = EngineDefinition(
            name: "simulated", engineType: type, baseURL: try EngineURL("http://127.0.0.1:\(port)\(path)"), model: "model-a",
            streams: streams, limits: limits)
        return Engine(definition: definition, secret: secret, session: session)
    }

    func stats() async throws -> JSONValue {
        let request = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(port)", path: "/stats")
        return try JSONValue(parsing: try await session.data(for: request).body)
    }
}

/// Runs `body` beside a simulated engine, and stops that.
///
/// - Parameter maxAnswerBytes: bytes of an answer that the session takes.
func withSimulatedEngine(
    _ configuration: SimulatedEngineConfiguration = SimulatedEngineConfiguration(), maxAnswerBytes: Int = 16 << 20,
    _ body: (SimulatedSystem) async throws -> Void
) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let (ports, ready) = AsyncStream.makeStream(of: Int.self)
    let service = SimulatedEngine(configuration: configuration, logger: logger) { ready.yield($0) }
    let group = ServiceGroup(services: [service], logger: logger)
    let session = NIOURLSession(configuration: NIOURLSessionConfiguration(maxResponseBodyBytes: maxAnswerBytes), logger: logger)
    let result: Result<Void, any Error> = await withTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try? await group.run() }
        let result: Result<Void, any Error>
        do {
            var iterator = ports.makeAsyncIterator()
            try await body(SimulatedSystem(port: try #require(await iterator.next()), session: session))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await session.shutdown()
        await group.triggerGracefulShutdown()
        return result
    }
    try result.get()
}
