import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct ServerSentEventsTests {
    private func events(_ bytes: [UInt8], size: Int, maxEventBytes: Int = 4 << 20) throws -> [ServerSentEvents.Event] {
        var decoder = ServerSentEvents(maxEventBytes: maxEventBytes)
        var events: [ServerSentEvents.Event] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            decoder.append(Array(bytes[start..<min(start + size, bytes.count)]))
            while let event = try decoder.next() { events.append(event) }
        }
        return events
    }

    private func event(_ data: String, name: String = "") -> ServerSentEvents.Event {
        ServerSentEvents.Event(name: Array(name.utf8), data: Array(data.utf8)[...])
    }

    /// The standard's own examples, and its corners.
    @Test(
        arguments: [
            ("data: a\n\ndata: b\n\n", ["a", "b"]),
            ("data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                ["first event", "second event", " third event"]
            ),
            ("data\n\ndata\ndata\n\ndata:", ["", "\n"]),
            ("data:test\n\ndata: test\n\n", ["test", "test"]),
            ("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", ["a", "b", "c"]),
            ("\u{FEFF}data: a\n\n", ["a"]), ("\u{FEFF}\n\u{FEFF}data: a\n\n", []),
            ("event: x\n\ndata: a\n\n", ["a"]), ("data: cut off", []), ("data: cut off\n", []), ("", []), ("\n\n\r\r", []),
            ("retry: 10\nwhatever: x\ndatum: y\n:data: z\n\n", []), ("data: é😀\n\n", ["é😀"]),
        ] as [(String, [String])])
    func theStandardIsKept(stream: String, expected: [String]) throws {
        let bytes = Array(stream.utf8)
        for size in 1...max(1, bytes.count) {
            #expect(try events(bytes, size: size).map { String(decoding: $0.data, as: UTF8.self) } == expected, "in pieces of \(size)")
        }
    }

    @Test func eventsHaveNames() throws {
        #expect(try events(Array("event: ping\ndata: a\n\ndata: b\n\n".utf8), size: 3) == [event("a", name: "ping"), event("b")])
    }

    @Test func eventsAreBounded() throws {
        let fits = Array("data: 0123456789\n\n".utf8)
        #expect(try events(fits, size: 100, maxEventBytes: 16).count == 1)
        for size in [1, 7, 100] {
            #expect(throws: OversizedEvent.self) { try events(fits, size: size, maxEventBytes: 15) }
            #expect(throws: OversizedEvent.self) {
                try events(Array(String(repeating: "data: 0123\n", count: 9).utf8), size: size, maxEventBytes: 30)
            }
            #expect(throws: OversizedEvent.self) { try events([UInt8](repeating: 0, count: 1_000), size: size, maxEventBytes: 30) }
        }
    }
}
