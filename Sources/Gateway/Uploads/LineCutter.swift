import Domain
import NIOCore

/// Cuts a stream of bytes into lines, whatever the pieces it comes in: pure, and never holds more than a line and a piece.
struct LineCutter {
    enum Line: Hashable {
        /// Without its end. Lines are counted from 1, empty ones too, as editors count.
        case whole(ByteBuffer, number: Int)
        /// It has more bytes than may be; they are dropped.
        case tooLong(number: Int)

        var number: Int {
            switch self {
            case .whole(_, let number), .tooLong(let number): number
            }
        }
    }

    /// Bytes of a line.
    let limit: Int
    /// What came and was not given yet.
    private(set) var rest = ByteBuffer()
    /// How much of `rest` is known to hold no end of a line.
    private var scanned = 0
    private var number: Int
    /// The line was reported as too long, and its end has not come.
    private var isDropping = false
    private var isAtEnd = false

    /// - Parameter linesBefore: how many lines somebody else has taken.
    init(limit: Int, linesBefore: Int = 0) {
        self.limit = limit
        number = linesBefore
    }

    mutating func append(_ piece: ByteBuffer) {
        if rest.readableBytes == 0 {
            rest = piece
        } else {
            rest.discardReadBytes()
            rest.writeImmutableBuffer(piece)
        }
    }

    /// No more bytes come: what is left is the last line.
    mutating func finish() { isAtEnd = true }

    /// The next line; nil until its end is there.
    mutating func next() -> Line? {
        if isDropping, !dropLine() { return nil }
        if let length = rest.lineLength(from: scanned) {
            scanned = 0
            number += 1
            let line = rest.readSlice(length: length) ?? ByteBuffer()
            rest.moveReaderIndex(forwardBy: 1)
            return length > limit ? .tooLong(number: number) : .whole(line, number: number)
        }
        scanned = rest.readableBytes
        guard scanned > limit || isAtEnd && scanned > 0 else { return nil }
        let line = rest
        (rest, scanned) = (ByteBuffer(), 0)
        number += 1
        isDropping = line.readableBytes > limit
        return isDropping ? .tooLong(number: number) : .whole(line, number: number)
    }

    /// Whether the end of the line that is too long has come.
    private mutating func dropLine() -> Bool {
        guard let length = rest.lineLength(from: 0) else {
            rest = ByteBuffer()
            return false
        }
        rest.moveReaderIndex(forwardBy: length + 1)
        isDropping = false
        return true
    }
}

extension ByteBuffer {
    /// Bytes before the first end of a line that stands behind the first `start` bytes.
    fileprivate func lineLength(from start: Int) -> Int? {
        withUnsafeReadableBytes { bytes in bytes.firstPlace(of: UInt8(ascii: "\n"), in: start..<bytes.count) }
    }
}
