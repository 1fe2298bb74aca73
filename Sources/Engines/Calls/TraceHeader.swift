import HTTPTypes
import Tracing

/// Tells the engine in which trace its call is, where it is in one.
struct TraceHeader: Injector {
    static func write(to fields: inout HTTPFields) {
        guard let context = InstrumentationContext.current else { return }
        InstrumentationSystem.instrument.inject(context, into: &fields, using: TraceHeader())
    }

    func inject(_ value: String, forKey key: String, into carrier: inout HTTPFields) {
        if let name = HTTPField.Name(key) { carrier[name] = value }
    }
}
