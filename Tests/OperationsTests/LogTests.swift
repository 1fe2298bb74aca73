import Domain
import Foundation
import Glibc
import Logging
import TestSupport
import Testing

@testable import Operations

@Suite("Lines of the log", .timeLimit(.minutes(1))) struct LogTests {
    private static func line(_ message: String, _ metadata: Logger.Metadata, level: Logger.Level = .warning) -> LogLine {
        LogLine(time: Date(timeIntervalSince1970: 0.25), level: level, logger: "chorus.worker", message: message, metadata: metadata)
    }

    @Test("are read by people")
    func text() {
        let line = Self.line("it failed", ["task_id": "42", "error": "no \"way\"\nfor it", "empty": ""])
        #expect(
            line.rendered(.text)
                == #"1970-01-01T00:00:00.250000Z warning chorus.worker: it failed empty="" error="no \"way\"\nfor it" task_id=42"#)
    }

    @Test("are one object a line for machines, with the journal's priority before it")
    func json() throws {
        let line = Self.line("it\nfailed", ["task_id": "42", "level": "high", "list": ["a", ["b": "c"]]])
        let text = line.rendered(.json(hasPriority: true))
        #expect(text.hasPrefix("<4>{") && !text.contains("\n"))
        let object = try JSONValue(parsing: Array(text.dropFirst(3).utf8))
        #expect(
            object == [
                "time": "1970-01-01T00:00:00.250000Z", "level": "warning", "logger": "chorus.worker", "message": "it\nfailed",
                "level_": "high", "list": ["a", ["b": "c"]], "task_id": "42",
            ])
        let levels = Logger.Level.allCases.map { Self.line("", [:], level: $0).rendered(.json(hasPriority: true)).prefix(3) }
        #expect(levels == ["<7>", "<7>", "<6>", "<5>", "<4>", "<3>", "<2>"])
    }

    @Test("hold whatever they are given, in bounds, and never more than a line")
    func bounds() {
        let odd = Self.line("\u{1B}[2J\r\n\u{2028}", ["k\ne=y": "\u{85}\\", "long": .string(String(repeating: "x", count: 100_000))])
        for format in [LogFormat.text, .json(hasPriority: false)] {
            let text = odd.rendered(format)
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 } && text.utf8.count < 10_000)
        }
        #expect(!odd.rendered(.text).contains("\u{85}") && !odd.rendered(.text).contains("\u{2028}"))
        var many = Logger.Metadata()
        for number in 0..<1_000 { many["k\(number)"] = "v" }
        #expect(Self.line("", many).rendered(.json(hasPriority: false)).utf8.count < 1_000)
    }

    @Test("are JSON where standard error is the journal's own stream, and nowhere else")
    func format() throws {
        #expect(LogFormat("auto", isJournal: true) == .json(hasPriority: true) && LogFormat("auto", isJournal: false) == .text)
        #expect(LogFormat("json", isJournal: false) == .json(hasPriority: false) && LogFormat("text", isJournal: true) == .text)
        var status = stat()
        try #require(fstat(STDERR_FILENO, &status) == 0)
        let own = "\(status.st_dev):\(status.st_ino)"
        #expect(LogFormat.isJournal(own, descriptor: STDERR_FILENO))
        for other in [nil, "", "1", "a:b", "\(status.st_dev):\(status.st_ino + 1)", "\(own):1"] {
            #expect(!LogFormat.isJournal(other, descriptor: STDERR_FILENO), "\(other ?? "none")")
        }
        #expect(!LogFormat.isJournal(own, descriptor: -1))
    }
}
