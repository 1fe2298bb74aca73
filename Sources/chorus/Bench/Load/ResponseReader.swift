import NIOCore

/// Reads HTTP/1.1 answers from the pieces of a connection: only what the gateway sends, a status and a body of known length, since a load
/// generator on the gateway's own machine must cost next to nothing.
struct ResponseReader {
    struct Answer {
        var status: Int
        var body: ByteBuffer
    }

    enum Fault: Error, Hashable {
        case malformed
        /// The head or the body is longer than any answer of the gateway to a submission.
        case tooLarge
    }

    private static let headLimit = 16 << 10
    private static let bodyLimit = 16 << 20
    private static let separator = Array("\r\n\r\n".utf8)
    private static let lengthName = Array("\r\ncontent-length:".utf8)

    private var bytes = ByteBuffer()

    mutating func append(_ piece: ByteBuffer) {
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeImmutableBuffer(piece) }
    }

    /// The next whole answer; nil until it is there.
    mutating func next() throws(Fault) -> Answer? {
        guard let head = try head() else { return nil }
        guard bytes.readableBytes >= head.size + head.length else { return nil }
        bytes.moveReaderIndex(forwardBy: head.size)
        guard let body = bytes.readSlice(length: head.length) else { throw .malformed }
        return Answer(status: head.status, body: body)
    }

    private func head() throws(Fault) -> (status: Int, size: Int, length: Int)? {
        let found = bytes.withUnsafeReadableBytes { Self.head(in: $0) }
        guard let found else {
            if bytes.readableBytes > Self.headLimit { throw .tooLarge }
            return nil
        }
        guard let status = found.status, let length = found.length else { throw .malformed }
        guard length <= Self.bodyLimit else { throw .tooLarge }
        return (status, found.size, length)
    }

    /// nil until the head is whole.
    private static func head(in bytes: UnsafeRawBufferPointer) -> (status: Int?, size: Int, length: Int?)? {
        guard let end = position(of: separator, in: bytes) else { return nil }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<(end + 2)])
        let length = position(of: lengthName, in: head).flatMap { integer(in: head[($0 + lengthName.count)...]) }
        // "HTTP/1.1 201 Created"
        let status = head.firstIndex(of: UInt8(ascii: " ")).flatMap { integer(in: head[($0 + 1)...]) }
        return (status, end + separator.count, length)
    }

    /// Where `text`, in lower case, stands in the bytes, whatever their case.
    private static func position(of text: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= text.count else { return nil }
        return (0...(bytes.count - text.count)).first { start in
            text.indices.allSatisfy { bytes[start + $0] == text[$0] || bytes[start + $0] | 0x20 == text[$0] }
        }
    }

    /// The word at the beginning as a number, spaces before it skipped.
    private static func integer(in text: Slice<UnsafeRawBufferPointer>) -> Int? {
        let digits = text.drop { $0 == UInt8(ascii: " ") }.prefix { $0 > UInt8(ascii: " ") }
        guard (1...12).contains(digits.count), digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}
