/// Text as a terminal shows it: how many columns it takes, and what of it fits.
///
/// Widths are those of Unicode Standard Annex 11 (East Asian Width): wide and full-width characters and pictures take two columns, marks that
/// combine with what stands before them none.
enum DisplayText {
    static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    static func width(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        // A cluster that asks for its picture, such as a heart behind which U+FE0F stands.
        if scalars.count > 1, scalars.contains("\u{FE0F}") { return 2 }
        return scalars.reduce(0) { max($0, width($1)) }
    }

    /// At most `columns` wide; what is cut off is told by `…`.
    static func fitting(_ text: String, _ columns: Int) -> String {
        guard width(text) > columns else { return text }
        guard columns > 0 else { return "" }
        var fitting = ""
        var used = 0
        for character in text {
            let width = width(character)
            guard used + width <= columns - 1 else { break }
            used += width
            fitting.append(character)
        }
        return fitting + "…"
    }

    /// Exactly `columns` wide: cut, or filled with spaces.
    static func column(_ text: String, _ columns: Int, isNumber: Bool = false) -> String {
        let text = fitting(text, columns)
        let space = String(repeating: " ", count: max(0, columns - width(text)))
        return isNumber ? space + text : text + space
    }

    /// Without what a terminal would obey instead of showing it: names are other people's.
    static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { plain.append(isObeyed(scalar) ? "?" : scalar) }
        return String(plain)
    }

    /// Controls, ends of lines, and what turns the direction of the text around (Unicode Standard Annex 9).
    private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: directions.contains { $0.contains(scalar.value) }
        }
    }

    private static let directions: [ClosedRange<UInt32>] = [0x61C...0x61C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069]

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if scalar.properties.isEmojiPresentation { return 2 }
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// Blocks that are wide or full-width throughout, or nearly (EastAsianWidth.txt).
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
        0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
        0x20000...0x3FFFD,
    ]
}
