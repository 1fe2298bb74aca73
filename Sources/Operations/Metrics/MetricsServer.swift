import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
public import ServiceLifecycle

/// Answers `GET /metrics` on a port of its own, for processes that serve nothing else, and for gateways whose API is public.
public struct MetricsServer: Service {
    private let host: String
    private let port: Int
    private let text: @Sendable () async -> String
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameter port: 0 takes a free one.
    public init(
        host: String, port: Int, logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in },
        text: @escaping @Sendable () async -> String
    ) {
        self.host = host
        self.port = port
        self.text = text
        self.logger = logger
        self.onListening = onListening
    }

    public func run() async throws {
        let router = Router()
        router.get("/metrics") { [text] _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await text())))
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        try await Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { [onListening] channel in if let port = channel.localAddress?.port { await onListening(port) } },
            logger: quiet
        ).run()
    }
}
