/// Reads an event stream (WHATWG HTML, §9.2 "Server-sent events") from pieces that may be cut at any byte.
///
/// Lines end with CR, LF or CR LF; a byte order mark at the begin and comments are passed over; data in several lines is joined with LF.
/// An event counts when its empty line has come: what stands behind the last one was cut off.
struct ServerSentEvents: Sendable {
    struct Event: Sendable, Hashable {
        /// Empty where the stream names none, which means `message`.
        var name: [UInt8] = []
        /// Of one line, as nearly all are: where it stands in the bytes that came.
        var data: ArraySlice<UInt8> = []
    }

    private var lines: LineSplitter
    private let maxEventBytes: Int
    private var event = Event()
    private var hasData = false
    private var isFirstLine = true

    init(maxEventBytes: Int = 4 << 20) {
        self.maxEventBytes = maxEventBytes
        self.lines = LineSplitter(endsAtCarriageReturn: true, maxLineBytes: maxEventBytes)
    }

    mutating func append(_ piece: [UInt8]) {
        lines.append(piece)
    }

    /// The next whole event; nil if more bytes are needed.
    mutating func next() throws(OversizedEvent) -> Event? {
        while var line = try lines.next() {
            if isFirstLine {
                isFirstLine = false
                if lines.bytes[line].starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            }
            if line.isEmpty {
                defer {
                    event = Event()
                    hasData = false
                }
                if hasData { return event }
            } else {
                try take(line)
            }
        }
        return nil
    }

    private mutating func take(_ line: Range<Int>) throws(OversizedEvent) {
        if !hasData, let value = dataValue(line) {
            event.data = lines.bytes[value]
            hasData = true
            return
        }
        let colon = lines.bytes[line].firstIndex(of: UInt8(ascii: ":")) ?? line.upperBound
        var value = min(colon + 1, line.upperBound)..<line.upperBound
        if let first = value.first, lines.bytes[first] == UInt8(ascii: " ") { value = value.dropFirst() }
        let field = lines.bytes[line.lowerBound..<colon]
        if field.elementsEqual(Self.data) {
            guard hasData else {
                event.data = lines.bytes[value]
                hasData = true
                return
            }
            guard event.data.count + 1 + value.count <= maxEventBytes else { throw OversizedEvent(limit: maxEventBytes) }
            event.data.append(UInt8(ascii: "\n"))
            event.data += lines.bytes[value]
        } else if field.elementsEqual(Self.event) {
            event.name = Array(lines.bytes[value])
        }
        // 'id' and 'retry' are for those who connect again; a line that begins with a colon is a comment.
    }

    /// What stands behind `data: ` at the line's begin: nearly all lines are such.
    private func dataValue(_ line: Range<Int>) -> Range<Int>? {
        guard line.count >= 6 else { return nil }
        let isData = lines.bytes.withUnsafeBytes { bytes in
            bytes.loadUnaligned(fromByteOffset: line.lowerBound, as: UInt32.self) == Self.dataWord
                && bytes[line.lowerBound + 4] == UInt8(ascii: ":") && bytes[line.lowerBound + 5] == UInt8(ascii: " ")
        }
        return isData ? line.dropFirst(6) : nil
    }

    /// `data`, as it stands in memory.
    private static let dataWord = Array("data".utf8).withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    private static let data = Array("data".utf8)
    private static let event = Array("event".utf8)
}
