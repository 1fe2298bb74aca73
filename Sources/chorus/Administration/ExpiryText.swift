import Domain
import Foundation

/// When something ends, as people write it: a time (RFC 3339), or from now: `45m`, `12h`, `30d`.
enum ExpiryText {
    private static let units: [(suffix: Character, seconds: Int)] = [("m", 60), ("h", 3_600), ("d", 86_400)]

    static func date(_ text: String, from now: Date) -> Date? {
        if let date = RFC3339.date(text) { return date }
        guard let unit = units.first(where: { text.last == $0.suffix }), let count = Int(text.dropLast()), (1...1_000_000).contains(count)
        else { return nil }
        return now.addingTimeInterval(TimeInterval(count * unit.seconds))
    }
}
