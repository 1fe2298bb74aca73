import Domain
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    static func json(_ value: JSONValue) -> Response {
        json(bytes: value.serialized())
    }

    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// An error in OpenAI's shape.
    static func error(_ status: Int, _ message: some StringProtocol, code: String, retryAfter: Int? = nil) -> Response {
        let type =
            switch status {
            case 429: "rate_limit_error"
            case 500...: "server_error"
            default: "invalid_request_error"
            }
        let value: JSONValue = ["error": ["message": .string(String(message)), "type": .string(type), "code": .string(code)]]
        var response = json(bytes: value.serialized(), status: HTTPResponse.Status(code: status))
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        return response
    }

    /// Ten bytes of a promised thousand, then the end of the connection.
    static var cut: Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(contentLength: 1_000) { writer in
                try await writer.write(ByteBuffer(string: #"{"id":"cut"#))
                throw SimulatedCut()
            })
    }

    static func garbage(_ garbage: SimulatedFate.Garbage) -> Response {
        switch garbage {
        case .text: json(bytes: Array(#"{"choices": [{"mess\#u{1}age""#.utf8))
        case .html:
            Response(
                status: .ok, headers: [.contentType: "text/html"], body: ResponseBody(byteBuffer: ByteBuffer(string: "<html>busy</html>")))
        case .utf8: json(bytes: Array(#"{"choices":[{"message":{"content":""#.utf8) + [0xC3, 0x28] + Array(#""}}]}"#.utf8))
        case .empty: json(["id": "empty", "choices": []])
        case .huge:
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody { writer in
                    let piece = ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 20)
                    for _ in 0..<50 { try await writer.write(piece) }
                    try await writer.finish(nil)
                })
        }
    }

    /// Server-sent events, a token each, as OpenAI streams them.
    static func stream(
        _ completion: SimulatedCompletion, pause: Duration, includesUsage: Bool,
        sleep: @escaping @Sendable (Duration) async throws -> Void, ended: @escaping @Sendable () -> Void
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { writer in
                defer { ended() }
                try await writer.write(ByteBuffer(event: completion.chunk(delta: ["role": "assistant", "content": ""])))
                for token in completion.tokens {
                    try await sleep(pause)
                    try await writer.write(ByteBuffer(event: completion.chunk(delta: ["content": .string(token)])))
                }
                try await writer.write(ByteBuffer(event: completion.chunk(delta: [:], finishReason: .string(completion.finishReason))))
                if includesUsage {
                    var usage = completion.chunk(choices: []).objectValue ?? [:]
                    usage["usage"] = completion.usage
                    try await writer.write(ByteBuffer(event: .object(usage)))
                }
                try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
                try await writer.finish(nil)
            })
    }
}

/// Thrown in the middle of a body: the server closes the connection.
private struct SimulatedCut: Error {}

extension ByteBuffer {
    fileprivate init(event: JSONValue) {
        var bytes = Array("data: ".utf8)
        event.write(to: &bytes)
        bytes.append(contentsOf: "\n\n".utf8)
        self.init(bytes: bytes)
    }
}
