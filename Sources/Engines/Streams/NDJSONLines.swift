/// Reads JSON texts that stand one a line (NDJSON, `application/x-ndjson`) from pieces that may be cut at any byte.
///
/// Empty lines are passed over. The last text needs no line's end, but only the stream's end tells that it is whole.
struct NDJSONLines: Sendable {
    private var lines: LineSplitter
    private let maxLineBytes: Int

    init(maxLineBytes: Int = 4 << 20) {
        self.maxLineBytes = maxLineBytes
        self.lines = LineSplitter(endsAtCarriageReturn: false, maxLineBytes: maxLineBytes)
    }

    mutating func append(_ piece: [UInt8]) {
        lines.append(piece)
    }

    /// The next whole line; nil if more bytes are needed.
    mutating func next() throws(OversizedEvent) -> ArraySlice<UInt8>? {
        while let line = try lines.next() {
            if let text = text(line) { return text }
        }
        return nil
    }

    /// What stands behind the last line's end, once no more bytes will come.
    mutating func last() -> ArraySlice<UInt8>? {
        text(lines.rest())
    }

    private func text(_ line: Range<Int>) -> ArraySlice<UInt8>? {
        let bytes = lines.bytes[line]
        let isBlank = bytes.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
        return isBlank ? nil : bytes
    }
}
