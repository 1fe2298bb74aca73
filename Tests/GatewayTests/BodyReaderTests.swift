import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct BodyReaderTests {
    private func request(_ chunks: [String], headers: HTTPFields = [:]) -> Request {
        let (body, parts) = AsyncStream<ByteBuffer>.makeStream()
        for chunk in chunks { parts.yield(ByteBuffer(string: chunk)) }
        parts.finish()
        return Request(
            head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/", headerFields: headers),
            body: RequestBody(asyncSequence: body))
    }

    @Test func readsChunks() async throws {
        #expect(try await BodyReader(limit: 10).json(request(["{\"a\"", ":1}"])) == ["a": 1])
    }

    /// Without a length nobody knows how much more would come.
    @Test func stopsReadingAChunkedBodyAtTheLimit() async throws {
        let error = try await #require(throws: UnreadBody.self) {
            try await BodyReader(limit: 10).json(request(["[1,2,3,4", ",5]", "endless"]))
        }
        #expect(error.problem.status == 413)
    }

    @Test func believesTheLength() async throws {
        let reader = BodyReader(limit: 10)
        let little = try await #require(throws: Problem.self) { try await reader.json(request([], headers: [.contentLength: "11"])) }
        #expect(little.status == 413)
        await #expect(throws: UnreadBody.self) { try await reader.json(request([], headers: [.contentLength: "1000000"])) }
    }

    @Test func saysWhereTheTextBreaks() async throws {
        let problem = try await #require(throws: Problem.self) { try await BodyReader(limit: 100).json(request([#"{"a":}"#])) }
        #expect(problem.status == 400)
        #expect(problem.detail?.contains("byte 5") == true)
    }
}
