import Domain

/// Durations as people write them: `500ms`, `120s`, `2m`, `1h`.
enum DurationText {
    private static let units: [(suffix: String, milliseconds: Int)] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]

    static func duration(_ text: String) -> Duration? {
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }), let count = Int(text.dropLast(unit.suffix.count)), count >= 0
        else { return nil }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow ? nil : .milliseconds(milliseconds)
    }

    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return attoseconds == 0 ? "\(seconds)s" : "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)ms"
    }
}

extension FieldReader {
    mutating func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let text = string(key, length: 1...20) else { return nil }
        guard let duration = DurationText.duration(text) else {
            fail(key, "must be a duration such as 500ms, 120s, 2m or 1h")
            return nil
        }
        guard range.contains(duration) else {
            fail(key, "must be \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))")
            return nil
        }
        return duration
    }
}
