/// The text that Prometheus reads (prometheus.io, "Text-based format", version 0.0.4).
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    mutating func begin(_ name: String, _ kind: MetricKind, help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func add(_ name: String, _ labels: [MetricsRegistry.Label], _ reading: MetricSeries.Reading) {
        switch reading {
        case .value(let value): line(name, labels, value)
        case .histogram(let bounds, let cumulative, let count, let sum):
            for (bound, below) in zip(bounds, cumulative) {
                line("\(name)_bucket", labels + [.init(name: "le", value: Self.number(bound))], Double(below))
            }
            line("\(name)_bucket", labels + [.init(name: "le", value: "+Inf")], Double(count))
            line("\(name)_sum", labels, sum)
            line("\(name)_count", labels, Double(count))
        }
    }

    private mutating func line(_ name: String, _ labels: [MetricsRegistry.Label], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Whole numbers without a point.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"" where quotes: result += "\\\""
            case _ where character.isNewline: result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
