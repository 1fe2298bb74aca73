import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
import NIOHTTPListener
public import ServiceLifecycle

/// Answers `GET /metrics` on a port of its own, for processes that serve nothing else, and for gateways whose API is public.
public struct MetricsServer: Service {
    /// More wait with the kernel. As many peers as want to can take all of them: the port is for the operator's network.
    private static let maxConnections = 1_000
    /// Nobody has a body to send. A scraper that comes less often connects anew.
    private static let bounds = ConnectionBounds(headTime: .seconds(10), idleTime: .seconds(20), headSize: 16 << 10) { _ in .seconds(10) }

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
        let settings = HTTPListener.Settings(
            router.buildResponder(), maxConnections: Self.maxConnections, bounds: Self.bounds, logger: quiet)
        try await HTTPListener(at: .host(host, port: port), settings, logger: quiet).serve(onListening: onListening)
    }
}
