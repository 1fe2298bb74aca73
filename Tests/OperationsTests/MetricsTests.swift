import CoreMetrics
import Testing

@testable import Operations

@Suite("Metrics") struct MetricsTests {
    @Test("are read as Prometheus's text, by name and labels, escaped")
    func text() {
        let registry = MetricsRegistry(catalog: [
            MetricDescription("a_total", .counter, ["x"], "Counts\n\"things\"."),
            MetricDescription("b_seconds", .histogram, [], "Times.", buckets: [0.1, 1]),
        ])
        let odd = registry.makeCounter(label: "a_total", dimensions: [("x", "say \"hi\"\n\\")])
        odd.increment(by: Int64(2))
        registry.makeCounter(label: "a_total", dimensions: [("x", "b")]).increment(by: Int64(1))
        registry.makeCounter(label: "a_total", dimensions: [("x", "b")]).increment(by: Int64(1))
        let timer = registry.makeTimer(label: "b_seconds", dimensions: [])
        for nanoseconds in [50_000_000, 100_000_000, 500_000_000, 5_000_000_000] as [Int64] { timer.recordNanoseconds(nanoseconds) }
        registry.makeMeter(label: "c", dimensions: []).set(1.5)
        #expect(
            registry.text() == """
                # HELP a_total Counts\\n"things".
                # TYPE a_total counter
                a_total{x="b"} 2
                a_total{x="say \\"hi\\"\\n\\\\"} 2
                # HELP b_seconds Times.
                # TYPE b_seconds histogram
                b_seconds_bucket{le="0.1"} 2
                b_seconds_bucket{le="1"} 3
                b_seconds_bucket{le="+Inf"} 4
                b_seconds_sum 5.65
                b_seconds_count 4
                # HELP c c
                # TYPE c gauge
                c 1.5
                # HELP chorus_metrics_dropped_total Series that were asked for and could not be kept.
                # TYPE chorus_metrics_dropped_total counter
                chorus_metrics_dropped_total 0

                """)
    }

    @Test("take no series without bound, and none of another kind under the same name")
    func bounds() {
        let registry = MetricsRegistry(catalog: [])
        for number in 0..<(MetricsRegistry.seriesLimit + 5) {
            registry.makeCounter(label: "many", dimensions: [("n", "\(number)")]).increment(by: Int64(1))
        }
        registry.makeMeter(label: "many", dimensions: []).set(Int64(7))
        let text = registry.text()
        #expect(text.split(separator: "\n").count { $0.hasPrefix("many{") } == MetricsRegistry.seriesLimit)
        #expect(text.contains("chorus_metrics_dropped_total 6\n"))
    }

    @Test("of the catalog are named as Prometheus names them, each once")
    func catalog() {
        let all = MetricDescription.all
        #expect(Set(all.map(\.name)).count == all.count)
        for metric in all {
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.buckets.isEmpty == (metric.kind != .histogram) && metric.buckets == metric.buckets.sorted(), "\(metric.name)")
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
        }
    }
}
