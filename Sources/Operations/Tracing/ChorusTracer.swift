import Domain
import Synchronization
public import Tracing

/// Follows requests through Chorus: reads and writes `traceparent` (W3C Trace Context), and records what is to be told.
///
/// Without anybody to tell, what came in is handed on as it is, so that a trace of the caller's goes on at the engine.
public final class ChorusTracer: Tracer {
    /// The share of traces that begin here and are recorded, 0 to 1. What came with a trace follows its caller's word.
    private let share: Double
    private let queue: SpanQueue?

    /// - Parameter exporter: who tells the collector; nil where there is none.
    public init(exporter: SpanExporter?, share: Double = 1) {
        self.share = share
        queue = exporter?.queue
    }

    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        context.traceParent = extractor.extract(key: TraceParent.name, from: carrier).flatMap(TraceParent.init) ?? context.traceParent
    }

    public func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let text = context.traceParent?.text else { return }
        injector.inject(text, forKey: TraceParent.name, into: &carrier)
    }

    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> ChorusSpan {
        var context = context()
        guard let queue else { return ChorusSpan(operationName, kind, context, queue: nil, parentID: nil, start: 0) }
        let parent = context.traceParent
        var generator = SystemRandomNumberGenerator()
        let isSampled = parent?.isSampled ?? (Double.random(in: 0..<1, using: &generator) < share)
        guard isSampled || parent != nil else {
            // Nobody would ever look for it: no task has to remember it.
            return ChorusSpan(operationName, kind, context, queue: nil, parentID: nil, start: 0)
        }
        context.traceParent = TraceParent(traceID: parent?.traceID, isSampled: isSampled, using: &generator)
        return ChorusSpan(
            operationName, kind, context, queue: isSampled ? queue : nil, parentID: parent?.spanText, start: instant().nanosecondsSinceEpoch
        )
    }

    public func startAnySpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> any Tracing.Span {
        startSpan(operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID, line: line)
    }

    public func forceFlush() {}
}

/// A piece of work that is under way. It is told when it ends, once.
public final class ChorusSpan: Tracing.Span {
    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var events: [SpanEvent] = []
        var status: SpanStatus?
        var isEnded = false
    }

    public let context: InstrumentationContext
    /// nil where nobody is to be told.
    private let queue: SpanQueue?
    private let kind: SpanKind
    private let parentID: String?
    private let start: UInt64
    private let state: Mutex<State>

    init(_ name: String, _ kind: SpanKind, _ context: InstrumentationContext, queue: SpanQueue?, parentID: String?, start: UInt64) {
        self.context = context
        self.queue = queue
        self.kind = kind
        self.parentID = parentID
        self.start = start
        state = Mutex(State(name: name))
    }

    public var isRecording: Bool { queue != nil }

    public var operationName: String {
        get { state.withLock(\.name) }
        set { state.withLock { $0.name = newValue } }
    }

    public var attributes: SpanAttributes {
        get { state.withLock(\.attributes) }
        set { if isRecording { state.withLock { $0.attributes = newValue } } }
    }

    public func setStatus(_ status: SpanStatus) { state.withLock { $0.status = status } }

    public func addEvent(_ event: SpanEvent) {
        guard isRecording else { return }
        state.withLock { if $0.events.count < OTLPTraces.limit { $0.events.append(event) } }
    }

    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        var attributes = attributes
        // Not its words: they may quote what a caller sent.
        attributes["exception.type"] = "\(type(of: error))"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    /// Nothing in Chorus links spans.
    public func addLink(_ link: SpanLink) {}

    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let queue, let place = context.traceParent else { return }
        let end = instant().nanosecondsSinceEpoch
        let finished: FinishedSpan? = state.withLock { state in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return FinishedSpan(
                place: place, parentID: parentID, name: state.name, kind: kind, start: start, end: max(start, end),
                attributes: state.attributes, events: state.events, status: state.status)
        }
        if let finished { queue.put(finished) }
    }
}

private enum TraceParentKey: InstrumentationContextKey {
    typealias Value = TraceParent
    static var nameOverride: String? { TraceParent.name }
}

extension InstrumentationContext {
    var traceParent: TraceParent? {
        get { self[TraceParentKey.self] }
        set { self[TraceParentKey.self] = newValue }
    }
}
