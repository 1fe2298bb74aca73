import AMQP
import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Tracing

/// The part that a request, or a message of the intake, has in its caller's trace.
enum RequestTrace {
    private static let header = HTTPField.Name(TraceParent.name)

    private struct Headers: Extractor {
        func extract(key: String, from carrier: HTTPFields) -> String? { HTTPField.Name(key).flatMap { carrier[$0] } }
    }

    private struct MessageHeaders: Extractor {
        func extract(key: String, from carrier: [String: AMQPFieldValue]) -> String? { carrier[key]?.text }
    }

    private struct Text: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout String?) {
            if key == TraceParent.name { carrier = value }
        }
    }

    /// Whether there is anything to follow: a trace came with the request, or one begins with each (`isOn`) that asks for something.
    static func follows(_ request: Request, isOn: Bool) -> Bool {
        isOn && request.uri.path.hasPrefix("/v1/") || header.map { request.headers[$0] != nil } ?? false
    }

    /// - Parameter route: the pattern, known when the answer is there.
    static func follow(
        _ request: Request, route: () -> String?, _ body: () async throws -> Response
    ) async throws -> Response {
        var context = InstrumentationContext.topLevel
        InstrumentationSystem.instrument.extract(request.headers, into: &context, using: Headers())
        return try await withSpan(request.method.rawValue, context: context, ofKind: .server) { span in
            let response = try await body()
            if let route = route() {
                span.operationName = "\(request.method.rawValue) \(route)"
                span.attributes["http.route"] = route
            }
            span.updateAttributes { attributes in
                attributes["http.request.method"] = request.method.rawValue
                attributes["http.response.status_code"] = response.status.code
            }
            if response.status.code >= 500 { span.setStatus(SpanStatus(code: .error)) }
            return response
        }
    }

    static func follow<Value>(_ message: AMQPMessage, isOn: Bool, _ body: () async -> Value) async -> Value {
        guard isOn || message.headers[TraceParent.name] != nil else { return await body() }
        var context = InstrumentationContext.topLevel
        InstrumentationSystem.instrument.extract(message.headers, into: &context, using: MessageHeaders())
        return await withSpan("intake \(message.routingKey.prefix(40))", context: context, ofKind: .consumer) { _ in await body() }
    }

    /// What the tasks that are handed in now are to remember; nil outside of any trace.
    static var current: String? {
        guard let context = InstrumentationContext.current else { return nil }
        var text: String?
        InstrumentationSystem.instrument.inject(context, into: &text, using: Text())
        return text
    }
}

extension [NewTask] {
    /// The same tasks, each in this trace: where their worker finds it. Who names another for a task has it.
    func within(_ trace: String?) -> [NewTask] {
        guard let trace else { return self }
        return map { task in
            var task = task
            var metadata = task.metadata ?? JSONObject()
            if metadata[TraceParent.name] == nil { metadata[TraceParent.name] = .string(trace) }
            task.metadata = metadata
            task.children = task.children?.within(trace)
            return task
        }
    }
}
