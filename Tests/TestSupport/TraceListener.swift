import Domain
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A real HTTP server that is told of traces as a collector is (`POST /v1/traces`, OTLP/HTTP in JSON), and that answers chats as an engine
/// does, remembering in which trace it was asked.
public final class TraceListener: Sendable {
    /// A span, as far as tests look at it.
    public struct Span: Sendable, Hashable {
        public var name: String
        public var traceID: String
        public var spanID: String
        public var parentID: String?
        public var kind: Int
        public var service: String
        public var attributes: [String: String]
    }

    private struct State {
        var spans: [Span] = []
        var calls: [String] = []
        var requests = 0
        var status = HTTPResponse.Status.ok
    }

    private let state = Mutex(State())

    public var spans: [Span] { state.withLock(\.spans) }
    /// The `traceparent` of each chat; empty where there was none.
    public var calls: [String] { state.withLock(\.calls) }
    /// How often a collector was asked.
    public var requests: Int { state.withLock(\.requests) }

    /// From now on the collector answers this.
    public func answer(_ status: Int) { state.withLock { $0.status = HTTPResponse.Status(code: status) } }

    /// Runs `body` beside it, with its port.
    public static func with<Value: Sendable>(
        _ body: @escaping @Sendable (TraceListener, Int) async throws -> Value
    ) async throws -> Value {
        let listener = TraceListener()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: listener.router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                var numbers = ports.makeAsyncIterator()
                return try await body(listener, await numbers.next() ?? 0)
            }
            defer { group.cancelAll() }
            while let value = try await group.next() { if let value { return value } }
            throw NotEventually(description: "the listener ended before its user")
        }
    }

    private var router: Router<BasicRequestContext> {
        let router = Router()
        router.post("/v1/traces") { request, _ in
            let body = try JSONValue(parsing: Array(try await request.body.collect(upTo: 8 << 20).readableBytesView))
            let spans = try Self.spans(in: body)
            let status = self.state.withLock { state in
                state.requests += 1
                if state.status == .ok { state.spans += spans }
                return state.status
            }
            return Response(status: status)
        }
        router.post("/v1/chat/completions") { request, _ in
            let trace = request.headers.first { $0.name.canonicalName == TraceParent.name }?.value
            self.state.withLock { $0.calls.append(trace ?? "") }
            let answer: JSONValue = [
                "id": "1", "model": "m",
                "choices": [["index": 0, "finish_reason": "stop", "message": ["role": "assistant", "content": "hi"]]],
                "usage": ["prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5],
            ]
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.serialized())))
        }
        return router
    }

    /// What is not as the specification has it is an error: the exporter gets a 400 or 500.
    private static func spans(in body: JSONValue) throws -> [Span] {
        struct Malformed: Error {}
        return try (body["resourceSpans"]?.arrayValue ?? []).flatMap { resource -> [Span] in
            let service = attributes(resource["resource"]?["attributes"])["service.name"] ?? ""
            return try (resource["scopeSpans"]?.arrayValue ?? []).flatMap { $0["spans"]?.arrayValue ?? [] }.map { span in
                guard let name = span["name"]?.stringValue, let trace = span["traceId"]?.stringValue, trace.count == 32,
                    let id = span["spanId"]?.stringValue, id.count == 16, let kind = span["kind"]?.intValue,
                    let start = span["startTimeUnixNano"]?.stringValue.flatMap({ UInt64($0) }),
                    let end = span["endTimeUnixNano"]?.stringValue.flatMap({ UInt64($0) }), start <= end
                else { throw Malformed() }
                return Span(
                    name: name, traceID: trace, spanID: id, parentID: span["parentSpanId"]?.stringValue, kind: kind, service: service,
                    attributes: attributes(span["attributes"]))
            }
        }
    }

    private static func attributes(_ list: JSONValue?) -> [String: String] {
        (list?.arrayValue ?? []).reduce(into: [:]) { attributes, pair in
            guard let key = pair["key"]?.stringValue, let value = pair["value"] else { return }
            attributes[key] = (value["stringValue"] ?? value["intValue"])?.stringValue ?? value.text
        }
    }
}
