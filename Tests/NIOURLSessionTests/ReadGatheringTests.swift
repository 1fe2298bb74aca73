import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import NIOURLSession

@Suite struct ReadGatheringTests {
    private struct Broken: Error {}

    /// What comes out, in words: a body as its text, the others by their names.
    private static func out(of channel: EmbeddedChannel) throws -> [String] {
        var parts: [String] = []
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head: parts.append("head")
            case .body(let bytes): parts.append(String(buffer: bytes))
            case .end: parts.append("end")
            }
        }
        return parts
    }

    private static func body(_ text: String) -> HTTPClientResponsePart { .body(ByteBuffer(string: text)) }

    private static let head = HTTPClientResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok))

    @Test func whatOneReadBroughtIsOnePiece() throws {
        let channel = EmbeddedChannel(handler: ReadGathering())
        for part in [Self.head, Self.body("a"), Self.body("b"), Self.body("c")] { channel.pipeline.fireChannelRead(part) }
        #expect(try Self.out(of: channel) == ["head"])
        channel.pipeline.fireChannelReadComplete()
        #expect(try Self.out(of: channel) == ["abc"])
        for part in [Self.body("d"), Self.body("e"), .end(nil), Self.head, Self.body("f")] { channel.pipeline.fireChannelRead(part) }
        channel.pipeline.fireChannelReadComplete()
        #expect(try Self.out(of: channel) == ["de", "end", "head", "f"], "in their order, and no answer's bytes in another's")
        channel.pipeline.fireChannelReadComplete()
        #expect(try Self.out(of: channel).isEmpty)
        _ = try channel.finish()
    }

    @Test func largePiecesAreNotCopied() throws {
        let channel = EmbeddedChannel(handler: ReadGathering())
        let large = String(repeating: "x", count: 16 << 10)
        for text in ["a", large, "b", "c"] { channel.pipeline.fireChannelRead(Self.body(text)) }
        channel.pipeline.fireChannelReadComplete()
        #expect(try Self.out(of: channel) == ["a", large, "bc"])
        _ = try channel.finish()
    }

    /// What came before a fault is handed on before the fault is.
    @Test(arguments: [true, false]) func nothingIsKeptBack(breaks: Bool) throws {
        let channel = EmbeddedChannel(handler: ReadGathering())
        channel.pipeline.fireChannelRead(Self.body("a"))
        channel.pipeline.fireChannelRead(Self.body("b"))
        if breaks { channel.pipeline.fireErrorCaught(Broken()) } else { channel.pipeline.fireChannelInactive() }
        #expect(try Self.out(of: channel) == ["ab"])
        if breaks { #expect(throws: Broken.self) { try channel.throwIfErrorCaught() } }
    }
}
