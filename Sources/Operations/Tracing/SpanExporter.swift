import CoreMetrics
import Domain
public import HTTPTypes
public import Logging
import NIOURLSession
public import ServiceLifecycle

/// Hands finished spans to a collector, in batches, over OTLP/HTTP in its JSON form.
///
/// It asks nothing of anybody while there are none. A collector that is away is tried a few times; then the batch is dropped and counted.
public struct SpanExporter: Service {
    public struct Configuration: Sendable {
        /// Where traces are posted to: `http://127.0.0.1:4318/v1/traces`.
        public var request: HTTPRequest
        /// What this process is called, by the names of OpenTelemetry's resource conventions.
        public var resource: [String: String]

        public init(request: HTTPRequest, resource: [String: String]) {
            self.request = request
            self.resource = resource
        }
    }

    /// Spans of one request.
    static let batch = 512
    /// How long spans gather.
    private static let gathering = Duration.seconds(1)
    private static let tries = 3
    private static let timeouts = NIOURLSessionTimeouts(firstByte: .seconds(5), idle: .seconds(5), call: .seconds(5))

    let queue = SpanQueue()
    private let configuration: Configuration
    private let logger: Logger
    private let exported = Counter(label: "chorus_spans_exported_total")

    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    public func run() async throws {
        // A thread of its own: a collector must not slow down what it hears of.
        let session = NIOURLSession(logger: logger)
        var isTaking = true
        for await _ in queue.signals.cancelOnGracefulShutdown() {
            await cancelWhenGracefulShutdown { try? await Task.sleep(for: Self.gathering) }
            await exportAll(session, &isTaking)
        }
        // What the end of the process would lose.
        await exportAll(session, &isTaking)
        await session.shutdown()
    }

    /// - Parameter isTaking: whether the collector took the last ones: an outage says so once.
    private func exportAll(_ session: NIOURLSession, _ isTaking: inout Bool) async {
        while true {
            let spans = queue.take(Self.batch)
            guard !spans.isEmpty else { return }
            if let failure = await export(spans, session) {
                queue.lost(spans.count)
                if isTaking { logger.warning("the collector takes no spans: they are dropped", metadata: ["error": "\(failure)"]) }
                isTaking = false
            } else {
                exported.increment(by: spans.count)
                if !isTaking { logger.notice("the collector takes spans again") }
                isTaking = true
            }
        }
    }

    /// What went wrong; nil where the collector took them.
    private func export(_ spans: [FinishedSpan], _ session: NIOURLSession) async -> String? {
        let body = OTLPTraces.body(spans, resource: configuration.resource)
        let backoff = RetryBackoff(base: .milliseconds(500), cap: .seconds(5))
        var failure: String?
        for attempt in 1...Self.tries {
            do {
                let (_, response) = try await session.upload(for: configuration.request, from: body, timeouts: Self.timeouts)
                if response.status.kind == .successful { return nil }
                failure = "status \(response.status.code)"
                // What else it refuses it will refuse again (OTLP specification, "Failures").
                guard [429, 502, 503, 504].contains(response.status.code) else { break }
            } catch {
                failure = error.shortDescription
            }
            // A process that stops tries once.
            guard attempt < Self.tries, !Task.isShuttingDownGracefully else { break }
            try? await Task.sleep(for: backoff.bound(retry: attempt))
        }
        return failure
    }
}
