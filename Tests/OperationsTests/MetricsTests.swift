import CoreMetrics
import Foundation
import Testing

@testable import Operations

@Suite("Metrics", .timeLimit(.minutes(1))) struct MetricsTests {
    @Test("are read as Prometheus's text, by name and labels, escaped")
    func text() {
        let registry = MetricsRegistry(catalog: [
            MetricDescription("a_total", .counter, .all, ["x"], "Counts\n\"things\"."),
            MetricDescription("b_seconds", .histogram, .all, [], "Times.", buckets: [0.1, 1]),
            MetricDescription("c", .gauge, .all, [], "Is."),
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
                # HELP c Is.
                # TYPE c gauge
                c 1.5

                """)
    }

    @Test("take no series without bound, and none that the catalogue does not describe")
    func bounds() {
        let dropped = MetricDescription("chorus_metrics_dropped_total", .counter, .all, [], "Dropped.")
        let registry = MetricsRegistry(catalog: [MetricDescription("many_total", .counter, .all, ["n"], "Many."), dropped])
        for number in 0..<(MetricsRegistry.seriesLimit + 5) {
            registry.makeCounter(label: "many_total", dimensions: [("n", "\(number)")]).increment(by: Int64(1))
        }
        registry.makeMeter(label: "many_total", dimensions: [("n", "0")]).set(Int64(7))
        registry.makeCounter(label: "many_total", dimensions: [("project_id", "x")]).increment(by: Int64(1))
        registry.makeCounter(label: "another_total", dimensions: []).increment(by: Int64(1))
        let text = registry.text()
        #expect(text.split(separator: "\n").count { $0.hasPrefix("many_total{") } == MetricsRegistry.seriesLimit)
        #expect(text.contains("chorus_metrics_dropped_total 8\n"))
        #expect(!text.contains("project_id") && !text.contains("another"))
    }

    @Test("that are looked up stand for themselves: what is not told again is gone")
    func telling() {
        let registry = MetricsRegistry(catalog: [MetricDescription("lane", .gauge, .all, ["lane"], "Lanes.")])
        registry.tell("lane", [.init(1, ["lane": "low"]), .init(2, ["lane": "high"])])
        registry.tell("lane", [.init(3, ["lane": "high"])])
        #expect(registry.text().hasSuffix("gauge\nlane{lane=\"high\"} 3\n"))
        registry.tell("lane", [])
        #expect(registry.text().isEmpty)
    }

    @Test("of the catalogue are named as Prometheus names them, each once, and stand on the page")
    func catalog() throws {
        let all = MetricDescription.all
        #expect(Set(all.map(\.name)).count == all.count)
        for metric in all {
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.buckets.isEmpty == (metric.kind != .histogram) && metric.buckets == metric.buckets.sorted(), "\(metric.name)")
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "deploy/metrics.md"), encoding: .utf8)
        #expect(page == MetricsPage.text, "deploy/metrics.md is not what 'chorus config metrics' prints")
    }

    @Test("of the process are read as proc(5) writes them, however odd the program's name is")
    func process() throws {
        let stat =
            "42 (a) b (c)) S 1 42 42 0 -1 4194560 2000 0 0 0 150 50 0 0 20 0 7 0 1000 104857600 256 18446744073709551615 1 1 0 0 0 0"
        let figures = try #require(ProcessFigures(stat: stat, bootTime: 1_000, ticksPerSecond: 100, pageSize: 4_096))
        #expect(figures.processorTime == 2 && figures.threads == 7 && figures.startTime == 1_010)
        #expect(figures.virtualMemory == 104_857_600 && figures.residentMemory == 1_048_576)
        #expect(ProcessFigures(stat: "42 (a) S 1", bootTime: 0, ticksPerSecond: 100, pageSize: 4_096) == nil)
        let own = try #require(ProcessFigures())
        #expect(own.residentMemory > 1_000_000 && own.openDescriptors > 2 && own.startTime > 1_000_000_000)
    }

    @Test("that cost much are read seldom")
    func pace() {
        let start = ContinuousClock.now
        var pace = ReadingPace()
        #expect(pace.isDue(at: start))
        pace.ended(at: start, cost: .milliseconds(10))
        #expect(!pace.isDue(at: start + .seconds(4)) && pace.isDue(at: start + .seconds(5)))
        pace.ended(at: start, cost: .seconds(1))
        #expect(!pace.isDue(at: start + .seconds(49)) && pace.isDue(at: start + .seconds(50)))
        pace.ended(at: start, cost: .seconds(30))
        #expect(!pace.isDue(at: start + .seconds(59)) && pace.isDue(at: start + .seconds(60)))
    }
}
