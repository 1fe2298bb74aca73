import Domain
import Tracing

/// One piece of work that is over, as a collector is told of it.
struct FinishedSpan: Sendable {
    var place: TraceParent
    var parentID: String?
    var name: String
    var kind: SpanKind
    /// Nanoseconds since 1970.
    var start: UInt64
    var end: UInt64
    var attributes: SpanAttributes = [:]
    var events: [SpanEvent] = []
    var status: SpanStatus?
}

/// What a request for a collector holds (opentelemetry-proto, `ExportTraceServiceRequest`, in its JSON form: OTLP specification,
/// "JSON Protobuf Encoding": ids as hexadecimal, 64-bit numbers as strings, enumerations as numbers).
enum OTLPTraces {
    /// Attributes and events of a span.
    static let limit = 64
    /// Characters of a value.
    static let lengthLimit = 2_000

    static func body(_ spans: [FinishedSpan], resource: [String: String]) -> [UInt8] {
        let scope: JSONValue = ["scope": ["name": "chorus"], "spans": .array(spans.map(span))]
        return JSONValue.object([
            "resourceSpans": [
                ["resource": ["attributes": attributes(SpanAttributes(resource.mapValues { .string($0) }))], "scopeSpans": [scope]]
            ]
        ]).serialized()
    }

    private static func span(_ span: FinishedSpan) -> JSONValue {
        var object: JSONObject = [
            "traceId": .string(span.place.traceText), "spanId": .string(span.place.spanText), "name": .string(cut(span.name)),
            "kind": .number(JSONNumber(number(span.kind))), "startTimeUnixNano": .string("\(span.start)"),
            "endTimeUnixNano": .string("\(span.end)"), "attributes": attributes(span.attributes),
        ]
        if let parent = span.parentID { object["parentSpanId"] = .string(parent) }
        if !span.events.isEmpty {
            object["events"] = .array(
                span.events.prefix(limit).map { event in
                    [
                        "timeUnixNano": .string("\(event.nanosecondsSinceEpoch)"), "name": .string(cut(event.name)),
                        "attributes": attributes(event.attributes),
                    ]
                })
        }
        if let status = span.status {
            object["status"] = ["code": .number(JSONNumber(status.code == .ok ? 1 : 2)), "message": .string(cut(status.message ?? ""))]
        }
        return .object(object)
    }

    /// `SpanKind` of trace.proto.
    private static func number(_ kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func attributes(_ attributes: SpanAttributes) -> JSONValue {
        var pairs: [(String, JSONValue)] = []
        attributes.forEach { name, attribute in pairs.append((name, value(attribute))) }
        return .array(pairs.sorted { $0.0 < $1.0 }.prefix(limit).map { ["key": .string($0.0), "value": $0.1] })
    }

    private static func value(_ attribute: SpanAttribute) -> JSONValue {
        switch attribute {
        case .int32(let value): ["intValue": .string("\(value)")]
        case .int64(let value): ["intValue": .string("\(value)")]
        case .double(let value): ["doubleValue": JSONValue(floatLiteral: value)]
        case .bool(let value): ["boolValue": .bool(value)]
        case .string(let value): ["stringValue": .string(cut(value))]
        case .stringConvertible(let value): ["stringValue": .string(cut("\(value)"))]
        case .stringArray(let values):
            ["arrayValue": ["values": .array(values.prefix(limit).map { ["stringValue": .string(cut($0))] })]]
        // Nothing in Chorus sets another kind.
        default: ["stringValue": ""]
        }
    }

    private static func cut(_ text: String) -> String { text.cut(to: lengthLimit) }
}
