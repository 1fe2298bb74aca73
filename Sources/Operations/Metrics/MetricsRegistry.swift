public import CoreMetrics
import Synchronization

/// Every series of this process, behind swift-metrics, as Prometheus wants them read.
///
/// A name has one kind and one set of label names; what does not fit, or comes after ``seriesLimit`` series of one name, counts nowhere and
/// shows in `chorus_metrics_dropped_total`: labels that grow without bound must not take the process along.
public final class MetricsRegistry: MetricsFactory {
    /// Series of one name.
    public static let seriesLimit = 1_000

    struct SeriesKey: Hashable {
        var name: String
        /// In the order of their names.
        var labels: [Label]
    }

    struct Label: Hashable, Comparable {
        var name: String
        var value: String

        static func < (left: Label, right: Label) -> Bool { (left.name, left.value) < (right.name, right.value) }
    }

    private struct State {
        var series: [SeriesKey: MetricSeries] = [:]
        var counts: [String: Int] = [:]
        var kinds: [String: MetricKind] = [:]
        var dropped = 0
    }

    private let state = Mutex(State())
    private let catalog: [String: MetricDescription]

    /// - Parameter catalog: what each name means, and the bounds of its buckets.
    public init(catalog: [MetricDescription] = MetricDescription.all) {
        self.catalog = Dictionary(catalog.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { series(label, dimensions, .gauge) }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { series(label, dimensions, .histogram) }

    // A series lives as long as the process: its numbers must not start anew.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func series(_ name: String, _ dimensions: [(String, String)], _ kind: MetricKind) -> MetricSeries {
        let key = SeriesKey(name: name, labels: dimensions.map { Label(name: $0.0, value: $0.1) }.sorted())
        return state.withLock { state in
            if let known = state.series[key], known.kind == kind { return known }
            guard state.kinds[name, default: kind] == kind, state.counts[name, default: 0] < Self.seriesLimit else {
                state.dropped += 1
                return MetricSeries(kind: kind, bounds: [])
            }
            let new = MetricSeries(kind: kind, bounds: kind == .histogram ? catalog[name]?.buckets ?? MetricDescription.seconds : [])
            state.series[key] = new
            state.counts[name, default: 0] += 1
            state.kinds[name] = kind
            return new
        }
    }

    // MARK: Reading

    /// All series in Prometheus's text format 0.0.4, by name.
    public func text() -> String {
        let (series, dropped) = state.withLock { ($0.series, $0.dropped) }
        var text = PrometheusText()
        for (name, members) in Dictionary(grouping: series, by: \.key.name).sorted(by: { $0.key < $1.key }) {
            guard let kind = members.first?.value.kind else { continue }
            text.begin(name, kind, help: catalog[name]?.help ?? name)
            for (key, member) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }) {
                text.add(name, key.labels, member.reading)
            }
        }
        text.begin("chorus_metrics_dropped_total", .counter, help: "Series that were asked for and could not be kept.")
        text.add("chorus_metrics_dropped_total", [], .value(Double(dropped)))
        return text.text
    }

    /// The names that have a series, for a test that holds them to the catalog.
    public var names: Set<String> { state.withLock { Set($0.kinds.keys) } }
}

/// How a metric behaves.
public enum MetricKind: String, Sendable {
    /// Only grows.
    case counter
    /// Goes up and down.
    case gauge
    /// How often values fell below each of several bounds.
    case histogram
}
