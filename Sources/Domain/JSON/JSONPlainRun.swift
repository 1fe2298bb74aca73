/// Bytes of a JSON string that stand for themselves: no quotation mark, no reverse solidus, no control character (RFC 8259 §7).
///
/// Prompts are long and have few others, so eight bytes are looked at together.
struct JSONPlainRun {
    /// Behind its last byte.
    let end: Int
    let isASCII: Bool

    /// The longest one that begins at `start`.
    init(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        var end = start
        var seen: UInt64 = 0
        let all = UnsafeRawBufferPointer(bytes)
        while end + 8 <= all.count {
            let eight = all.loadUnaligned(fromByteOffset: end, as: UInt64.self)
            guard !Self.holdsOther(eight) else { break }
            seen |= eight
            end += 8
        }
        while end < bytes.count, !Self.isOther(bytes[end]) {
            seen |= UInt64(bytes[end])
            end += 1
        }
        self.end = end
        isASCII = seen & Self.high == 0
    }

    private static let low: UInt64 = 0x0101_0101_0101_0101
    private static let high: UInt64 = 0x8080_8080_8080_8080
    private static let quotationMarks = low &* UInt64(UInt8(ascii: "\""))
    private static let reverseSolidi = low &* UInt64(UInt8(ascii: "\\"))
    private static let spaces = low &* 0x20

    private static func isOther(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Subtracting from a byte that is too small borrows, which sets its highest bit. The answer is exact; which byte it was is not told, since
    /// a borrow may go on to the next one.
    private static func holdsOther(_ eight: UInt64) -> Bool {
        let quotation = eight ^ quotationMarks
        let solidus = eight ^ reverseSolidi
        let borrows = (quotation &- low) & ~quotation | (solidus &- low) & ~solidus | (eight &- spaces) & ~eight
        return borrows & high != 0
    }
}
