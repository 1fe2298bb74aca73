import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Operations
import TestSupport
import Testing

/// What a gateway and a worker tell of themselves after some work is what the catalogue says.
@Suite(.timeLimit(.minutes(2))) struct MetricsEndToEndTests {
    /// Told only where there is something to tell.
    private static let conditional: Set = [
        "chorus_last_backup_timestamp_seconds", "chorus_engine_gate_closed_seconds", "chorus_engine_gate_used_ratio",
        "chorus_webhook_deliveries_total", "chorus_spans_exported_total", "chorus_spans_dropped_total",
    ]

    @Test func everyMetricIsTold() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "5ms"]) { system in
            let project = try await system.makeProject("Told")
            _ = try await system.submit(20, to: project)
            try await system.waitForCompleted(20, within: .seconds(30))
            let variables = try DevSystem.variables(system.folder)
            let urls = ["\(variables["CHORUS_URL"] ?? "")/metrics", variables["CHORUS_WORKER_METRICS_URLS"] ?? ""]
            var pages: [String] = []
            try await eventually("the probe of the loops has looked", within: .seconds(20)) {
                pages = []
                for url in urls { pages.append(try await page(url, system)) }
                return pages.allSatisfy { !$0.contains("chorus_event_loop_lag_seconds_count 0\n") }
            }
            let named = pages.map { page in
                Set(page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) })
            }
            for metric in MetricDescription.all where !Self.conditional.contains(metric.name) {
                let (isTold, isElsewhere) =
                    switch metric.teller {
                    case .all: (named.allSatisfy { $0.contains(metric.name) }, false)
                    case .gateway, .fleet: (named[0].contains(metric.name), named[1].contains(metric.name))
                    case .worker: (named[1].contains(metric.name), named[0].contains(metric.name))
                    }
                #expect(isTold && !isElsewhere, "\(metric.name)")
            }
            for line in ["chorus_tasks_accepted_total 20", "chorus_tasks{status=\"completed\"} 20", "chorus_workers{status=\"alive\"} 1"] {
                #expect(pages[0].contains("\n\(line)\n"), "\(line)")
            }
            for line in [
                "chorus_tasks_claimed_total 20", "chorus_tasks_ended_total{status=\"completed\"} 20", "chorus_worker_registered 1",
                "chorus_broker_connected 1",
            ] {
                #expect(pages[1].contains("\n\(line)\n"), "\(line)")
            }
            for page in pages { #expect(page.contains("chorus_metrics_dropped_total 0\n")) }
        }
    }

    private func page(_ url: String, _ system: DevSystem) async throws -> String {
        let url = try #require(URL(string: url))
        let request = HTTPRequest(
            method: .get, scheme: "http", authority: "\(url.host() ?? ""):\(url.port ?? 0)", path: url.path())
        let (body, response) = try await system.session.data(for: request)
        try #require(response.status == .ok)
        return String(decoding: body, as: UTF8.self)
    }
}
