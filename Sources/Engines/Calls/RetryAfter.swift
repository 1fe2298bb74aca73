import HTTPTypes

/// Reads `Retry-After` in both its forms (RFC 9110 §10.2.3), and the `retry-after-ms` that some engines send.
enum RetryAfter {
    /// The longest wait believed: a day.
    static let longest = Duration.seconds(86_400)

    /// - Parameter now: seconds since 1970, for the form that names a date. A date that is over gives zero.
    static func duration(in fields: HTTPFields, now: Int) -> Duration? {
        if let name = HTTPField.Name("retry-after-ms"), let text = fields[name], let milliseconds = Double(text) {
            return bounded(milliseconds / 1_000)
        }
        guard let text = fields[.retryAfter] else { return nil }
        if let seconds = Double(text) { return bounded(seconds) }
        return secondsSince1970(imfFixdate: text).map { .seconds(min(max($0 - now, 0), 86_400)) }
    }

    private static func bounded(_ seconds: Double) -> Duration? {
        guard seconds.isFinite, seconds >= 0 else { return nil }
        return seconds >= 86_400 ? longest : .seconds(seconds)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7). The two obsolete forms, which no server may send, give nil.
    static func secondsSince1970(imfFixdate text: String) -> Int? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), let month = months.firstIndex(of: String(parts[2])),
            let year = Int(parts[3]), (1...31).contains(day), (1970...9_999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else { return nil }
        return days(year: year, month: month + 1, day: day) * 86_400 + time[0] * 3_600 + time[1] * 60 + time[2]
    }

    /// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
