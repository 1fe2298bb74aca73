import Hummingbird
public import Logging
import NIOHTTPListener
public import ServiceLifecycle

/// An engine that thinks nothing but speaks the wire formats: for demonstrations, tests and measurements.
///
/// - Calls, in one piece or as a stream: `POST /v1/chat/completions` (OpenAI), `/v1/messages` (Anthropic),
///   `/v1beta/models/NAME:generateContent` and `:streamGenerateContent` (Gemini, also under `/v1`), `/api/chat` (Ollama). Base addresses
///   end with `/v1`, `/v1`, `/v1beta` and `/api`.
/// - Vectors: `POST /v1/embeddings`, `/v1beta/models/NAME:embedContent` and `:batchEmbedContents`, `/api/embed`.
/// - `GET /v1/models`, `/v1beta/models`, `/api/tags`; `GET /health`; `GET /stats` tells what was called, `DELETE /stats` forgets it.
/// - Faults come by the configured rate, or on command: header `x-simulate`, body field `simulate`, or `[simulate: …]` in the last message
///   (see ``SimulatedFate``), or on a standing order: `PUT /order` with such a command as its body, in force until `DELETE /order`.
public struct SimulatedEngine: Service {
    private let configuration: SimulatedEngineConfiguration
    private let logger: Logger
    private let onReady: @Sendable (Int) async -> Void

    /// - Parameter onReady: is called with the port once connections are taken.
    public init(
        configuration: SimulatedEngineConfiguration, logger: Logger, onReady: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onReady = onReady
    }

    public func run() async throws {
        let responder = SimulatedEngineResponder(
            configuration: configuration, record: try configuration.recordPath.map(SimulatedRecord.init(path:)))
        // Those who measure keep their connections, and send what they want to.
        let bounds = ConnectionBounds(idleTime: .seconds(3_600), headSize: 80 << 10) { _ in .seconds(600) }
        let settings = HTTPListener.Settings(responder, maxConnections: .max, bounds: bounds, logger: logger)
        try await HTTPListener(at: .host(configuration.host, port: configuration.port), settings, logger: logger)
            .serve(onListening: onReady)
    }
}
