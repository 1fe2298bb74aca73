/// The catalogue as people read it: `deploy/metrics.md`.
public enum MetricsPage {
    public static var text: String {
        let tellers: [(teller: MetricDescription.Teller, title: String)] = [
            (.fleet, "The fleet"), (.gateway, "Gateways"), (.worker, "Workers"), (.all, "Every process"),
        ]
        return opening
            + tellers.map { teller, title in
                "\n## \(title)\n\nTold by \(teller.rawValue).\n\n| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n"
                    + MetricDescription.all.filter { $0.teller == teller }.map(row).joined()
            }.joined()
    }

    private static let opening = """
        # Metrics

        What `GET /metrics` tells. A gateway answers on `http.port`, or on `metrics.port` where that is set; a worker on `metrics.port`. Labels
        are bounded: engines are those that were applied, all else are words of this page.

        """

    private static func row(_ metric: MetricDescription) -> String {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
        return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |\n"
    }
}
