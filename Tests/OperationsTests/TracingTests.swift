import Domain
import HTTPTypes
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Tracing

@testable import Operations

@Suite("Traces", .timeLimit(.minutes(1))) struct TracingTests {
    private struct Text: Extractor, Injector {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    }

    private static let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private static func exporter(_ port: Int) -> SpanExporter {
        var request = HTTPRequest(method: .post, scheme: "http", authority: "127.0.0.1:\(port)", path: "/v1/traces")
        request.headerFields[.contentType] = "application/json"
        return SpanExporter(
            SpanExporter.Configuration(request: request, resource: ["service.name": "chorus-test"]),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    private static func context(_ text: String, _ tracer: ChorusTracer) -> InstrumentationContext {
        var context = InstrumentationContext.topLevel
        tracer.extract([TraceParent.name: text], into: &context, using: Text())
        return context
    }

    @Test("pass through where nobody is to be told, and what is no trace does not")
    func passing() {
        let tracer = ChorusTracer(exporter: nil)
        let span = tracer.startSpan("x", context: Self.context(Self.caller, tracer))
        var carrier: [String: String] = [:]
        tracer.inject(span.context, into: &carrier, using: Text())
        #expect(carrier == [TraceParent.name: Self.caller] && !span.isRecording)
        #expect(Self.context("nonsense", tracer).traceParent == nil)
        #expect(tracer.startSpan("x", context: .topLevel).context.traceParent == nil)
    }

    @Test("go on below their caller's span, recorded where the caller records")
    func below() throws {
        let exporter = Self.exporter(1)
        let tracer = ChorusTracer(exporter: exporter, share: 0)
        let span = tracer.startSpan("x", context: Self.context(Self.caller, tracer), ofKind: .server)
        let place = try #require(span.context.traceParent)
        #expect(place.traceText == "4bf92f3577b34da6a3ce929d0e0e4736" && place.spanText != "00f067aa0ba902b7" && place.isSampled)
        span.attributes["a"] = 1
        span.end()
        span.end()
        let unsampled = tracer.startSpan("y", context: Self.context(Self.caller.dropLast() + "0", tracer))
        #expect(!unsampled.isRecording && unsampled.context.traceParent?.isSampled == false)
        unsampled.end()
        let root = tracer.startSpan("a root of which no share is recorded", context: .topLevel)
        #expect(!root.isRecording && root.context.traceParent == nil)
        root.end()
        let spans = exporter.queue.take(10)
        #expect(spans.count == 1 && spans.first?.parentID == "00f067aa0ba902b7" && spans.first?.kind == .server)
    }

    @Test("wait for the collector in a bounded queue")
    func bounded() {
        let queue = SpanQueue(capacity: 3)
        var generator = SystemRandomNumberGenerator()
        let place = TraceParent(traceID: nil, isSampled: true, using: &generator)
        for number in 0..<5 { queue.put(FinishedSpan(place: place, name: "\(number)", kind: .internal, start: 1, end: 2)) }
        #expect(queue.take(2).map(\.name) == ["0", "1"] && queue.take(9).map(\.name) == ["2"] && queue.take(9).isEmpty)
    }

    @Test("are written as the specification has them, cut where they are long")
    func encoding() throws {
        let place = try #require(TraceParent(Self.caller))
        var span = FinishedSpan(place: place, parentID: "a2fb4a1d1a96d312", name: "chat m", kind: .client, start: 5, end: 7)
        span.attributes = [
            "tokens": 12, "engine": "local", "ok": true, "share": 0.5, "long": .string(String(repeating: "x", count: 9_000)),
        ]
        span.status = SpanStatus(code: .error)
        let json = try JSONValue(parsing: OTLPTraces.body([span], resource: ["service.name": "chorus-worker"]))
        let resource = try #require(json["resourceSpans"]?[0])
        #expect(resource["resource"]?["attributes"] == [["key": "service.name", "value": ["stringValue": "chorus-worker"]]])
        let written = try #require(resource["scopeSpans"]?[0]?["spans"]?[0])
        #expect(written["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736" && written["spanId"] == "00f067aa0ba902b7")
        #expect(written["parentSpanId"] == "a2fb4a1d1a96d312" && written["kind"] == 3)
        #expect(written["startTimeUnixNano"] == "5" && written["endTimeUnixNano"] == "7" && written["status"]?["code"] == 2)
        let attributes = try #require(written["attributes"]?.arrayValue)
        #expect(attributes.contains(["key": "tokens", "value": ["intValue": "12"]]))
        #expect(attributes.contains(["key": "ok", "value": ["boolValue": true]]))
        #expect(attributes.contains(["key": "share", "value": ["doubleValue": 0.5]]))
        #expect(attributes.first { $0["key"] == "long" }?["value"]?["stringValue"]?.stringValue?.count == OTLPTraces.lengthLimit + 1)
    }

    @Test("reach the collector, those of the last moment too")
    func reaching() async throws {
        try await TraceListener.with { listener, port in
            let exporter = Self.exporter(port)
            let tracer = ChorusTracer(exporter: exporter)
            let group = ServiceGroup(services: [exporter], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            for number in 0..<600 { tracer.startSpan("span \(number)", context: .topLevel).end() }
            async let running: Void = group.run()
            try await eventually("they are there") { listener.spans.count == 600 }
            #expect(listener.requests == 2 && listener.spans.allSatisfy { $0.service == "chorus-test" && $0.parentID == nil })
            tracer.startSpan("last", context: .topLevel).end()
            await group.triggerGracefulShutdown()
            try await running
            #expect(listener.spans.last?.name == "last")
        }
    }

    @Test("are dropped where the collector refuses them, and tried again where it is only busy")
    func refusing() async throws {
        try await TraceListener.with { listener, port in
            let exporter = Self.exporter(port)
            let tracer = ChorusTracer(exporter: exporter)
            let group = ServiceGroup(services: [exporter], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            async let running: Void = group.run()
            listener.answer(400)
            tracer.startSpan("refused", context: .topLevel).end()
            try await eventually("it was asked") { listener.requests == 1 }
            listener.answer(503)
            tracer.startSpan("taken later", context: .topLevel).end()
            try await eventually("it was asked again") { listener.requests >= 2 }
            listener.answer(200)
            try await eventually("it took the second") { listener.spans.map(\.name) == ["taken later"] }
            await group.triggerGracefulShutdown()
            try await running
        }
    }
}
