import Domain

/// Cuts bytes that arrive in pieces into lines. Holds one unfinished line and one piece at most.
struct LineSplitter: Sendable {
    /// Bytes that lines are taken from; ``next()`` says where.
    private(set) var bytes: [UInt8] = []
    /// A line may end with CR, LF or CR LF; else with LF alone.
    private let endsAtCarriageReturn: Bool
    private let maxLineBytes: Int
    /// Where the unfinished line begins.
    private var start = 0
    /// Up to where no line's end was found yet.
    private var scanned = 0
    /// The line before ended with CR: an LF right behind it belongs to that end.
    private var skipsLineFeed = false

    init(endsAtCarriageReturn: Bool, maxLineBytes: Int) {
        self.endsAtCarriageReturn = endsAtCarriageReturn
        self.maxLineBytes = maxLineBytes
    }

    mutating func append(_ piece: [UInt8]) {
        if start == bytes.count {
            // The usual case: pieces end where lines do, and nothing is copied.
            bytes = piece
        } else {
            bytes.removeSubrange(..<start)
            bytes += piece
        }
        scanned -= start
        start = 0
    }

    /// Where in ``bytes`` the next whole line stands, without its end; nil if there is none yet.
    mutating func next() throws(OversizedEvent) -> Range<Int>? {
        if skipsLineFeed, start < bytes.count {
            if bytes[start] == UInt8(ascii: "\n") { start += 1 }
            skipsLineFeed = false
        }
        guard let end = firstLineEnd(from: max(scanned, start)) else {
            scanned = bytes.count
            guard bytes.count - start <= maxLineBytes else { throw OversizedEvent(limit: maxLineBytes) }
            return nil
        }
        guard end - start <= maxLineBytes else { throw OversizedEvent(limit: maxLineBytes) }
        defer {
            skipsLineFeed = bytes[end] == UInt8(ascii: "\r")
            start = end + 1
            scanned = start
        }
        return start..<end
    }

    /// What stands behind the last line's end.
    mutating func rest() -> Range<Int> {
        defer { start = bytes.count }
        return start..<bytes.count
    }

    private func firstLineEnd(from first: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            let feed = bytes.firstPlace(of: UInt8(ascii: "\n"), in: first..<bytes.count)
            guard endsAtCarriageReturn else { return feed }
            return bytes.firstPlace(of: UInt8(ascii: "\r"), in: first..<(feed ?? bytes.count)) ?? feed
        }
    }
}
