public import CoreMetrics
import Synchronization

/// Every series of this process, behind swift-metrics, as Prometheus wants them read.
///
/// What the catalogue does not describe, or describes with another kind or other labels, counts nowhere, and neither does what comes after
/// ``seriesLimit`` series of one name: labels that grow without bound must not take the process along. `chorus_metrics_dropped_total` says
/// how often that was.
public final class MetricsRegistry: MetricsFactory {
    /// Series of one name.
    public static let seriesLimit = 1_000
    private static let droppedName = "chorus_metrics_dropped_total"

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
        var dropped = 0
    }

    private let state = Mutex(State())
    private let catalog: [String: MetricDescription]

    /// - Parameter catalog: what there is to be told.
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
        state.withLock { state in
            guard let series = series(name, dimensions, kind, &state) else {
                state.dropped += 1
                return MetricSeries(kind: kind, bounds: [])
            }
            return series
        }
    }

    /// nil where it cannot be kept.
    private func series(_ name: String, _ dimensions: [(String, String)], _ kind: MetricKind, _ state: inout State) -> MetricSeries? {
        let key = SeriesKey(name: name, labels: dimensions.map { Label(name: $0.0, value: $0.1) }.sorted())
        if let known = state.series[key], known.kind == kind { return known }
        guard let description = catalog[name], description.kind == kind, description.labels.sorted() == key.labels.map(\.name),
            state.counts[name, default: 0] < Self.seriesLimit
        else { return nil }
        let new = MetricSeries(kind: kind, bounds: description.buckets)
        state.series[key] = new
        state.counts[name, default: 0] += 1
        return new
    }

    // MARK: What is looked up when somebody reads

    /// One value of a metric, with its labels.
    public struct Value: Sendable, Hashable {
        public var labels: [String: String]
        public var value: Double

        public init(_ value: Double, _ labels: [String: String] = [:]) {
            self.labels = labels
            self.value = value
        }
    }

    /// Makes these all that is told of a metric: a lane, an engine or a state that is not among them any more is gone, as is everything
    /// that nobody knows at the moment.
    public func tell(_ name: String, _ values: [Value]) {
        state.withLock { state in
            guard let kind = catalog[name]?.kind else { return state.dropped += values.count }
            for key in state.series.keys where key.name == name { state.series[key] = nil }
            state.counts[name] = 0
            for value in values {
                guard let series = series(name, value.labels.map { ($0.key, $0.value) }, kind, &state) else {
                    state.dropped += 1
                    continue
                }
                series.set(value.value)
            }
        }
    }

    public func tell(_ name: String, _ value: Double) { tell(name, [Value(value)]) }

    // MARK: Reading

    /// All series in Prometheus's text format 0.0.4, by name.
    public func text() -> String {
        let (series, dropped) = state.withLock { ($0.series, $0.dropped) }
        var text = PrometheusText()
        for (name, members) in Dictionary(grouping: series, by: \.key.name).sorted(by: { $0.key < $1.key }) {
            guard let description = catalog[name] else { continue }
            text.begin(name, description.kind, help: description.help)
            for (key, member) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }) {
                text.add(name, key.labels, member.reading)
            }
        }
        if let description = catalog[Self.droppedName] {
            text.begin(Self.droppedName, .counter, help: description.help)
            text.add(Self.droppedName, [], .value(Double(dropped)))
        }
        return text.text
    }
}
