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
    private static let lengthName = Array("content-length:".utf8)

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
        let view = bytes.readableBytesView
        guard let end = view.firstRange(of: Self.separator) else {
            if view.count > Self.headLimit { throw .tooLarge }
            return nil
        }
        let head = view[view.startIndex..<end.lowerBound]
        let lines = head.split(separator: UInt8(ascii: "\n"))
        guard let status = lines.first?.split(separator: UInt8(ascii: " ")).dropFirst().first.flatMap(Self.integer),
            let line = lines.first(where: Self.isLength), let length = Self.integer(line.dropFirst(Self.lengthName.count))
        else { throw .malformed }
        guard length <= Self.bodyLimit else { throw .tooLarge }
        return (status, end.upperBound - view.startIndex, length)
    }

    private static func isLength(_ line: ByteBufferView) -> Bool {
        line.count > lengthName.count && zip(line, lengthName).allSatisfy { $0 | 0x20 == $1 | 0x20 }
    }

    private static func integer(_ text: ByteBufferView) -> Int? {
        var value = 0
        for byte in text where byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\r") {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), value < 1 << 40 else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }
}
