import Domain
import Foundation
import Testing

@testable import chorus

/// The picture, of any size.
@Suite struct TopScreenTests {
    static func overview(projects: Int = 3, engines: Int = 2, workers: Int = 2, at seconds: Double = 0, ended: Int = 100) -> JSONValue {
        func tasks(_ completed: Int) -> JSONValue {
            [
                "pending": 7, "in_queue": 5, "processing": 8, "completed": .number(JSONNumber(completed)), "failed": 1, "cancelled": 0,
                "paused": 2, "retrying": 1,
            ]
        }
        let names = ["Dự án dịch thuật số một", "日本語の翻訳プロジェクト", "plain", "\u{1B}[31mred\n"]
        return [
            "at": JSONValue(Date(timeIntervalSince1970: 1_767_225_600 + seconds)),
            "tasks": tasks(ended), "per_minute": 60, "wait_ms": ["p50": 12, "p99": 1_800],
            "lanes": .array(
                Lane.allCases.sorted().map {
                    ["lane": .string($0.rawValue), "in_queue": 5, "processing": 8, "oldest_seconds": $0 == .low ? 75.5 : .null]
                }),
            "projects": .array(
                (0..<projects).map { index in
                    [
                        "project_id": .string("00000000-0000-7000-8000-\(100_000_000_000 + index)"),
                        "project_name": .string(names[index % names.count]), "status": index == 1 ? "paused" : "active",
                        "priority": .number(JSONNumber(index + 1)), "tasks": tasks(ended * index), "per_minute": 30,
                    ]
                }),
            "engines": .array(
                (0..<engines).map { index in
                    [
                        "name": .string("engine-\(index)"), "engine_type": "openai",
                        "gate": ["state": index == 1 ? "closed" : "open", "reason": index == 1 ? "busy" : .null],
                        "in_queue": 5, "processing": 8, "calls_per_minute": 481.2, "tokens_per_minute": 52_000, "failed_share": 0.25,
                        "duration_ms": index == 1 ? .null : ["p50": 850, "p99": 2_100],
                    ]
                }),
            "workers": .array(
                (0..<workers).map { index in
                    [
                        "worker_id": .string("w\(index)"), "name": .string("worker-\(index)"), "host": "node", "process_id": 4_711,
                        "version": "0.1.0", "concurrency": 64, "status": "alive", "running": .number(JSONNumber(index)),
                    ]
                }),
        ]
    }

    private static func lines(_ json: JSONValue, columns: Int, rows: Int?, _ view: TopView = TopView(), notice: String? = nil) -> [TopLine]
    {
        TopScreen(address: "http://127.0.0.1:8080", columns: columns, rows: rows).lines(TopSnapshot(json), TopRates(), view, notice: notice)
    }

    /// Whatever the size and whatever there is, the picture fits, and has exactly as many lines as the terminal.
    @Test(arguments: [(80, 24), (160, 45), (130, 40), (40, 10), (20, 3), (1, 1), (300, 100)])
    func fits(columns: Int, rows: Int) {
        for count in [0, 1, 3, 50] {
            let lines = Self.lines(Self.overview(projects: count, engines: count, workers: count), columns: columns, rows: rows)
            #expect(lines.count == rows)
            for line in lines {
                #expect(DisplayText.width(line.text) <= columns, "\(line.text)")
                #expect(!line.text.unicodeScalars.contains("\u{1B}") && !line.text.contains("\n"))
            }
        }
        let before = TopScreen(address: "http://127.0.0.1:8080", columns: columns, rows: rows).lines(
            nil, TopRates(), TopView(), notice: "x")
        #expect(before.count == rows && before.last?.text == "x")
    }

    @Test func eightyColumnsAreAligned() {
        let text = Self.lines(Self.overview(), columns: 80, rows: 24).map(\.text)
        #expect(text[0] == "chorus http://127.0.0.1:8080" + String(repeating: " ", count: 39) + " 00:00:00 UTC")
        #expect(text[1] == "waiting 8  paused 2  in queue 5  running 8  completed 100  failed 1  cancelled 0")
        #expect(text[2] == "ended/s 1.00  wait 12ms (p99 1.8s)  slots 1/128 ░░░░░░░░░░  workers 2")
        #expect(text[3] == "lanes  urgent 5+8  high 5+8  normal 5+8  low 5+8 1m15s  (queued+running)")
        #expect(text[5] == "PROJECT                 STATUS    WGT WAITING QUEUED   RUN  ENDED FAILED ENDED/S")
        #expect(text[6] == "Dự án dịch thuật số một active      1      10      5     8      1      1    0.50")
        #expect(text[7] == "plain                   active      3      10      5     8    201      1    0.50")
        #expect(text[8] == "日本語の翻訳プロジェク… paused      2      10      5     8    101      1    0.50")
        #expect(text[9].isEmpty && text[13].isEmpty)
        #expect(text[10].hasPrefix("ENGINE ") && text[10].hasSuffix("FAILED     P50     P99"))
        #expect(text[11].hasPrefix("engine-0 ") && text[11].hasSuffix("open         5     8     481    52.0k    25%   850ms    2.1s"))
        #expect(text[12].hasSuffix("closed       5     8     481    52.0k    25%       –       –"))
        #expect(text[14].hasPrefix("WORKER "))
        #expect(text[15].hasPrefix("worker-1 ") && text[16].hasPrefix("worker-0 "))
        #expect(text[23] == "q quit   ←→ order: running   ↑↓ scroll")
    }

    @Test func moreThanFitsIsSaid() {
        let text = Self.lines(Self.overview(projects: 50, engines: 9, workers: 30), columns: 80, rows: 24).map(\.text)
        #expect(text.count(where: { $0.hasPrefix("… ") && $0.hasSuffix(" more") }) == 3)
        var view = TopView()
        view.offset = 49
        let end = Self.lines(Self.overview(projects: 50, engines: 9, workers: 30), columns: 80, rows: 24, view).map(\.text)
        #expect(end.count(where: { $0.hasPrefix("… ") && $0.hasSuffix(" more") }) == 2)
        let all = Self.lines(Self.overview(projects: 50, engines: 9, workers: 30), columns: 160, rows: nil).map(\.text)
        #expect(all.count(where: { $0.contains("00000000-0000-7000") }) == 50 && !all.contains { $0.hasPrefix("…") })
    }

    @Test func coloursStandAroundTheText() {
        let lines = Self.lines(Self.overview(), columns: 80, rows: 24, notice: "away")
        #expect(lines.allSatisfy { $0.rendered(colours: false) == $0.text })
        #expect(lines.last?.rendered(colours: true) == "\u{1B}[31maway\u{1B}[0m")
        #expect(lines[5].rendered(colours: true).hasPrefix("\u{1B}[7m"))
    }

    /// What another release says in other words is not shown, and nothing breaks.
    @Test(
        arguments: [
            [:], ["projects": 3, "at": "yesterday", "tasks": []],
            ["projects": [["project_name": 7]], "engines": [[:]], "workers": [.null]],
        ] as [JSONValue])
    func strangeAnswers(json: JSONValue) {
        #expect(Self.lines(json, columns: 80, rows: 24).count == 24)
    }

    @Test func ratesAreThoseOfTheLastTenSeconds() throws {
        var rates = TopRates()
        #expect(rates.total == nil)
        for second in 0...30 {
            // Ten a second at first, then none.
            rates.add(TopSnapshot(Self.overview(at: Double(second), ended: 100 + 10 * min(second, 20))))
            let total = rates.total
            switch second {
            case 0: #expect(total == nil)
            case 1...20: #expect(total == 10)
            case 25: #expect(total == 5)
            case 30: #expect(total == 0)
            default: break
            }
        }
        #expect(rates.of(project: "00000000-0000-7000-8000-100000000001") == 0)
        #expect(rates.of(project: "unknown") == nil)
        // Another gateway's clock is behind.
        rates.add(TopSnapshot(Self.overview(at: 5, ended: 900)))
        #expect(rates.total == nil)
    }

    @Test func keys() {
        var decoder = TopKeyDecoder()
        let expected: [(String, [TopView.Key])] = [
            ("jk\u{1B}[A\u{1B}[B\u{1B}OC\u{1B}[Dzq", [.down, .up, .up, .down, .right, .left, .quit]),
            // In two pieces.
            ("\u{1B}[", []), ("5~", [.pageUp]),
            ("\u{1B}[6~\u{1B}[H\u{1B}[15~\u{1B}[999999999999999999~\u{1B}\u{1B}[A", [.pageDown, .home, .up]),
        ]
        for (text, keys) in expected {
            let pressed = decoder.decode(Array(text.utf8))
            #expect(pressed == keys, "\(text.debugDescription)")
        }
        var view = TopView()
        for (key, offset) in [(TopView.Key.up, 0), (.down, 1), (.pageDown, 4), (.pageDown, 4), (.pageUp, 1), (.home, 0)] {
            let goesOn = view.press(key, projects: 5, page: 3)
            #expect(goesOn && view.offset == offset)
        }
        _ = view.press(.left, projects: 5, page: 3)
        #expect(view.order == .name)
        _ = view.press(.right, projects: 5, page: 3)
        #expect(view.order == .running)
        let goesOn = view.press(.quit, projects: 0, page: 0)
        #expect(!goesOn)
        _ = view.press(.down, projects: 0, page: 0)
        #expect(view.offset == 0)
    }
}
