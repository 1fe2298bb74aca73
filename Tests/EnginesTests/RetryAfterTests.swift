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

    @Test func statusesHaveTheirKinds() {
        let kinds = [
            400: EngineError.Kind.permanent, 401: .permanent, 403: .permanent, 404: .permanent, 422: .permanent, 302: .permanent,
            429: .refused, 503: .refused, 529: .refused, 408: .passing, 500: .passing, 502: .passing, 504: .passing,
        ]
        for (status, kind) in kinds {
            let error = EngineError(status: status, fields: [.retryAfter: "3"], words: "", now: now)
            #expect(error.kind == kind, "\(status)")
            #expect(error.retryAfter == (kind == .permanent ? nil : .seconds(3)))
        }
    }

    @Test func wordsAreBoundedAndStorable() {
        let error = EngineError(.passing, String(repeating: "é", count: 10_000) + "\0")
        #expect(error.message.count == 2_000)
        #expect(!EngineError(.passing, "a\0b").message.contains("\0"))
    }
}
