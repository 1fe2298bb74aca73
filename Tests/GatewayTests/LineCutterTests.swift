import NIOCore
import Testing

@testable import Gateway

@Suite struct LineCutterTests {
    /// `text` cut in pieces of `size` bytes: each line with its number, `!` for what is too long.
    private func lines(_ text: String, limit: Int = 5, piecesOf size: Int) -> [String] {
        var cutter = LineCutter(limit: limit)
        var lines: [String] = []
        func take() {
            while let line = cutter.next() {
                switch line {
                case .whole(let bytes, let number): lines.append("\(number) \(String(buffer: bytes))")
                case .tooLong(let number): lines.append("\(number)!")
                }
            }
        }
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            cutter.append(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
            take()
        }
        cutter.finish()
        take()
        return lines
    }

    @Test(arguments: 1...20) func cutsWhateverThePieces(size: Int) {
        #expect(lines("a\n\nbcdef\r\nlast", limit: 6, piecesOf: size) == ["1 a", "2 ", "3 bcdef\r", "4 last"])
        #expect(lines("a\n", piecesOf: size) == ["1 a"])
        #expect(lines("", piecesOf: size) == [])
        #expect(lines("\n\n", piecesOf: size) == ["1 ", "2 "])
    }

    @Test(arguments: 1...20) func dropsWhatIsTooLong(size: Int) {
        #expect(lines("12345\n123456\n1\n1234567890123\n", piecesOf: size) == ["1 12345", "2!", "3 1", "4!"])
        #expect(lines("1234567890", piecesOf: size) == ["1!"])
        #expect(lines("1\n1234567890", piecesOf: size) == ["1 1", "2!"])
    }

    /// Of a line without an end no more is kept than a line may have, and the piece.
    @Test func holdsNoMoreThanALineAndAPiece() {
        var cutter = LineCutter(limit: 1_000)
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 100)
        var found: [LineCutter.Line] = []
        for _ in 0..<1_000 {
            cutter.append(piece)
            while let line = cutter.next() { found.append(line) }
            #expect(cutter.rest.readableBytes <= 1_100)
        }
        #expect(found == [.tooLong(number: 1)])
    }
}
