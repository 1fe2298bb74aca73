import Foundation
import Testing

@testable import chorus

/// How wide text is, and what fits.
@Suite struct TopTextTests {
    @Test(arguments: [
        ("", 0), ("plain", 5), ("Dự án tiếng Việt", 16),
        // The same, with marks that combine.
        ("Dự án tiếng Việt".decomposedStringWithCanonicalMapping, 16),
        ("日本語", 6), ("한국어 프로젝트", 15), ("ﾊﾝｶｸ", 4), ("Ａ", 2), ("🎶", 2), ("👩‍👩‍👧", 2), ("❤️", 2), ("é", 1), ("a\u{200B}b", 2),
    ])
    func widths(text: String, width: Int) {
        #expect(DisplayText.width(text) == width)
    }

    @Test(arguments: [
        ("plain", 5, "plain"), ("plainer", 5, "plai…"), ("日本語", 6, "日本語"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"),
        ("日本語", 1, "…"), ("plain", 0, ""),
        ("Việt Nam".decomposedStringWithCanonicalMapping, 5, "Việt…".decomposedStringWithCanonicalMapping),
    ])
    func fits(text: String, columns: Int, fitting: String) {
        #expect(DisplayText.fitting(text, columns).unicodeScalars.elementsEqual(fitting.unicodeScalars))
        #expect(DisplayText.width(DisplayText.column(text, columns)) == columns)
        #expect(DisplayText.width(DisplayText.column(text, columns, isNumber: true)) == columns)
    }

    /// A project's name cannot move the cursor, ring the bell or turn the line around.
    @Test func whatATerminalObeysIsShownAsAQuestion() {
        #expect(DisplayText.plain("a\u{1B}[2Jb\u{7}\n\u{9B}c\u{202E}d\u{2028}") == "a?[2Jb???c?d?")
        #expect(DisplayText.plain("Dự án 日本 🎶") == "Dự án 日本 🎶")
    }

    @Test(arguments: [
        (0, "0"), (9_999, "9999"), (10_000, "10.0k"), (12_345, "12.3k"), (123_456, "123k"), (999_499, "999k"), (999_500, "1.00M"),
        (4_567_000, "4.57M"), (1_234_000_000_000_000, "1234T"),
    ])
    func counts(number: Int, text: String) {
        #expect(TopFigure.count(number) == text)
    }

    @Test func otherFigures() {
        #expect([nil, 0, 0.254, 12.34, 999.96, 12_345].map { TopFigure.rate($0) } == ["–", "0.00", "0.25", "12.3", "1000.0", "12.3k"])
        #expect(
            [nil, 0, 999, 1_250, 59_999, 200_000, 9_000_000].map { TopFigure.duration(milliseconds: $0) }
                == ["–", "0ms", "999ms", "1.2s", "60.0s", "3m20s", "2.5h"])
        #expect([0, 0.004, 0.1, 1].map(TopFigure.percent) == ["0%", "0.4%", "10%", "100%"])
        #expect(TopFigure.bar(3, of: 4, width: 8) == "██████░░" && TopFigure.bar(9, of: 4, width: 4) == "████")
        #expect(TopFigure.bar(1, of: 0, width: 2) == "░░")
    }
}
