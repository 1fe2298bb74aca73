import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct NDJSONLinesTests {
    private func lines(_ bytes: [UInt8], size: Int, maxLineBytes: Int = 4 << 20) throws -> [String] {
        var decoder = NDJSONLines(maxLineBytes: maxLineBytes)
        var lines: [[UInt8]] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            decoder.append(Array(bytes[start..<min(start + size, bytes.count)]))
            while let line = try decoder.next() { lines.append(Array(line)) }
        }
        if let last = decoder.last() { lines.append(Array(last)) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        arguments: [
            ("{}\n[]\n", ["{}", "[]"]), ("{}\n\n \t\n[]", ["{}", "[]"]), ("{}\r\n[]\r\n", ["{}\r", "[]\r"]), ("", []), ("\n", []),
            ("{\"a\"", ["{\"a\""]),
        ] as [(String, [String])])
    func linesAreCut(text: String, expected: [String]) throws {
        for size in 1...max(1, text.utf8.count) {
            #expect(try lines(Array(text.utf8), size: size) == expected, "in pieces of \(size)")
        }
    }

    @Test func linesAreBounded() throws {
        #expect(try lines(Array("0123456789\n".utf8), size: 4, maxLineBytes: 10) == ["0123456789"])
        #expect(throws: OversizedEvent.self) { try lines(Array("0123456789\n".utf8), size: 4, maxLineBytes: 9) }
        #expect(throws: OversizedEvent.self) { try lines([UInt8](repeating: 32, count: 100), size: 100, maxLineBytes: 9) }
    }
}
