import Domain
import FoundationEssentials
import HTTPTypes

/// Reads when a provider's rate limits are full again, for refusals that name no time of waiting.
///
/// OpenAI gives spans (`x-ratelimit-reset-requests: 6m0s`), Anthropic times (`anthropic-ratelimit-tokens-reset: 2026-01-31T12:00:00Z`).
enum RateLimitReset {
    /// What is counted, as the providers name it.
    private static let limits: [(remaining: String, reset: String)] =
        ["requests", "tokens"].map { ("x-ratelimit-remaining-\($0)", "x-ratelimit-reset-\($0)") }
        + ["requests", "tokens", "input-tokens", "output-tokens"].map {
            ("anthropic-ratelimit-\($0)-remaining", "anthropic-ratelimit-\($0)-reset")
        }

    /// The longest of the waits for limits that are used up; of all of them where none is said to be.
    ///
    /// - Parameter now: seconds since 1970.
    static func duration(in fields: HTTPFields, now: Int) -> Duration? {
        let resets = limits.compactMap { limit -> (isUsedUp: Bool, wait: Duration)? in
            guard let wait = value(limit.reset, fields).flatMap({ wait($0, now: now) }) else { return nil }
            return (value(limit.remaining, fields) == "0", wait)
        }
        let usedUp = resets.filter(\.isUsedUp)
        return (usedUp.isEmpty ? resets : usedUp).map(\.wait).max()
    }

    private static func value(_ name: String, _ fields: HTTPFields) -> String? {
        HTTPField.Name(name).flatMap { fields[$0] }
    }

    private static func wait(_ text: String, now: Int) -> Duration? {
        if let span = span(text) { return span }
        guard let date = RFC3339.date(text) else { return nil }
        return min(max(.zero, .seconds(date.timeIntervalSince1970 - Double(now))), RetryAfter.longest)
    }

    /// `1s`, `6m0s`, `1h2m3.5s`, `17ms`: units from large to small, a day in all at most.
    static func span(_ text: String) -> Duration? {
        var rest = text[...]
        var seconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isNumber || $0 == "." }
            guard let number = Double(digits), number.isFinite else { return nil }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            guard let scale = ["ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400][String(unit)] else { return nil }
            seconds += number * scale
            rest = rest.dropFirst(unit.count)
        }
        guard !text.isEmpty else { return nil }
        return .milliseconds(Int((min(seconds, 86_400) * 1_000).rounded(.up)))
    }
}
