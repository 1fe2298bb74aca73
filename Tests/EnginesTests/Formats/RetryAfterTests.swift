import HTTPTypes
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
    private let now = 784_111_777

    @Test(
        arguments: [
            ("2", .seconds(2)), ("0", .zero), ("1.5", .milliseconds(1_500)), ("99999999", .seconds(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", .seconds(60)), ("Sun, 06 Nov 1994 08:00:00 GMT", .zero),
            ("-1", nil), ("soon", nil), ("", nil), ("nan", nil), ("Sun, 99 Nov 1994 08:50:37 GMT", nil),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil),
        ] as [(String, Duration?)])
    func bothFormsAreRead(text: String, expected: Duration?) {
        #expect(RetryAfter.duration(in: [.retryAfter: text], now: now) == expected)
    }

    @Test func millisecondsComeFirst() throws {
        let name = try #require(HTTPField.Name("retry-after-ms"))
        #expect(RetryAfter.duration(in: [.retryAfter: "2", name: "250"], now: now) == .milliseconds(250))
        #expect(RetryAfter.duration(in: [:], now: now) == nil)
    }

    /// OpenAI's spans and Anthropic's times; those of limits that are used up come before the others.
    @Test(
        arguments: [
            ([("x-ratelimit-reset-requests", "6m0s")], .seconds(360)), ([("x-ratelimit-reset-tokens", "17ms")], .milliseconds(17)),
            ([("x-ratelimit-reset-requests", "1h2m3.5s")], .seconds(3_723.5)), ([("x-ratelimit-reset-requests", "999d")], .seconds(86_400)),
            (
                [
                    ("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-tokens", "1m"),
                    ("x-ratelimit-remaining-tokens", "500"),
                ], .seconds(1)
            ),
            ([("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "2s")], .seconds(2)),
            ([("anthropic-ratelimit-tokens-reset", "1994-11-06T08:50:37Z")], .seconds(60)),
            ([("anthropic-ratelimit-tokens-reset", "1994-11-06T08:00:00Z")], .zero),
            ([("x-ratelimit-reset-requests", "soon")], nil), ([("x-ratelimit-reset-requests", "")], nil),
            ([("x-ratelimit-reset-requests", "5")], nil), ([], nil),
        ] as [([(String, String)], Duration?)])
    func limitsSayWhenTheyAreFullAgain(fields: [(String, String)], expected: Duration?) throws {
        var all = HTTPFields()
        for (name, value) in fields { all[try #require(HTTPField.Name(name))] = value }
        #expect(RateLimitReset.duration(in: all, now: now) == expected)
    }

    @Test func theEnginesOwnWordComesFirst() throws {
        let complaint = EngineComplaint(message: "slow down", retryAfter: .seconds(22))
        let reset = try #require(HTTPField.Name("x-ratelimit-reset-requests"))
        func wait(_ fields: HTTPFields, _ complaint: EngineComplaint) -> Duration? {
            EngineError(complaint, status: 429, fields: fields, rules: [], now: now).retryAfter
        }
        #expect(wait([.retryAfter: "3", reset: "9s"], complaint) == .seconds(3))
        #expect(wait([reset: "9s"], complaint) == .seconds(22))
        #expect(wait([reset: "9s"], EngineComplaint(message: "")) == .seconds(9))
    }

    @Test func wordsAreBoundedAndStorable() {
        let error = EngineError(.passing, String(repeating: "é", count: 10_000) + "\0")
        #expect(error.message.count == 2_000)
        #expect(!EngineError(.passing, "a\0b").message.contains("\0"))
    }
}
