import Foundation

/// Numbers in few characters.
enum TopFigure {
    /// `9999`, `12.3k`, `4.57M`.
    static func count(_ number: Int) -> String {
        guard number >= 10_000 else { return "\(number)" }
        return scaled(Double(number), ["k", "M", "G", "T"])
    }

    static func count(_ number: Double) -> String { number < 1_000_000_000_000_000 ? count(Int(number.rounded())) : "∞" }

    /// A second: `0.25`, `12.3`, `1234`.
    static func rate(_ rate: Double?) -> String {
        guard let rate else { return "–" }
        return rate < 10 ? String(format: "%.2f", rate) : rate < 1_000 ? String(format: "%.1f", rate) : count(rate)
    }

    /// `850ms`, `1.2s`, `3m20s`, `2.5h`.
    static func duration(milliseconds: Int?) -> String {
        guard let milliseconds else { return "–" }
        switch milliseconds {
        case ..<1_000: return "\(max(0, milliseconds))ms"
        case ..<60_000: return String(format: "%.1fs", Double(milliseconds) / 1_000)
        case ..<3_600_000: return "\(milliseconds / 60_000)m\(milliseconds / 1_000 % 60)s"
        default: return String(format: "%.1fh", Double(milliseconds) / 3_600_000)
        }
    }

    static func percent(_ share: Double) -> String {
        share == 0 ? "0%" : share < 0.1 ? String(format: "%.1f%%", share * 100) : "\(Int((share * 100).rounded()))%"
    }

    static func bar(_ part: Int, of whole: Int, width: Int) -> String {
        let filled = whole > 0 ? min(width, max(0, part) * width / whole) : 0
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    private static func scaled(_ number: Double, _ units: [String]) -> String {
        var (number, unit) = (number / 1_000, 0)
        // What would be written as 1000 of a unit is one of the next.
        while number >= 999.5, unit < units.count - 1 { (number, unit) = (number / 1_000, unit + 1) }
        let digits = number < 9.995 ? 2 : number < 99.95 ? 1 : 0
        return String(format: "%.\(digits)f", number) + units[unit]
    }
}
