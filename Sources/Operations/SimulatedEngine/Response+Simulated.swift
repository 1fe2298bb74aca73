import Domain
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    static func json(_ value: JSONValue) -> Response {
        json(bytes: value.serialized())
    }

    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok, type: String = "application/json") -> Response {
        Response(status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// An error in the dialect's shape; Gemini tells how long to wait in its body, the others in a field.
    static func error(
        _ status: Int, _ message: some StringProtocol, code: String, retryAfter: Int? = nil, in dialect: SimulatedDialect = .openai
    ) -> Response {
        let value = dialect.error(status, String(message), code: code, retryAfter: retryAfter)
        var response = json(bytes: value.serialized(), status: HTTPResponse.Status(code: status))
        if let retryAfter, dialect != .gemini { response.headers[.retryAfter] = String(retryAfter) }
        return response
    }

    /// Ten bytes of a promised thousand, then what `end` does.
    private static func torso(_ end: @escaping @Sendable () async throws -> Void) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(contentLength: 1_000) { writer in
                try await writer.write(ByteBuffer(string: #"{"id":"cut"#))
                try await end()
                throw SimulatedCut()
            })
    }

    /// Ten bytes of a promised thousand, then the end of the connection.
    static var cut: Response { torso {} }

    /// Ten bytes of a promised thousand, then nothing more for as long as `stall` takes.
    static func stalled(_ stall: @escaping @Sendable () async throws -> Void) -> Response { torso(stall) }

    static func garbage(_ garbage: SimulatedFate.Garbage, insteadOf answer: JSONValue) -> Response {
        switch garbage {
        case .text: json(bytes: Array(#"{"choices": [{"mess\#u{1}age""#.utf8))
        case .html: json(bytes: Array("<html>busy</html>".utf8), type: "text/html")
        case .utf8: json(bytes: Array(#"{"choices":[{"message":{"content":""#.utf8) + [0xC3, 0x28] + Array(#""}}]}"#.utf8))
        case .empty: json(["id": "empty", "choices": []])
        case .type: json(bytes: Array(answer.text.dropLast().utf8), type: "text/plain")
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

    /// Plays a script. `ended` is told the status before the last piece leaves: an answer that somebody has is never missing on record.
    /// - Parameter caller: whose request is watched, so that it is known at once that the caller has hung up, and not when the next word is
    ///   written; nil where that is not worth a connection, which is closed behind the answer.
    static func playing(
        _ script: SimulatedScript, pause: Duration?, to caller: Request?, sleep: @escaping @Sendable (Duration) async throws -> Void,
        ended: @escaping @Sendable (Int) -> Void
    ) -> Response {
        let steps = script.joined(pauses: pause != nil)
        var response = Response(
            status: .ok, headers: [.contentType: script.contentType, .cacheControl: "no-cache"],
            body: ResponseBody { writer in
                do {
                    try await withThrowingTaskGroup { group in
                        if let caller { group.addTask { await watch(caller, ended: ended) } }
                        for (index, step) in steps.enumerated() {
                            if index == steps.count - 1 { ended(200) }
                            switch step {
                            case .write(let bytes): try await writer.write(ByteBuffer(bytes: bytes))
                            case .pause: try await sleep(pause ?? .zero)
                            case .stall: try await sleep(.seconds(60))
                            case .cut: throw SimulatedCut()
                            }
                        }
                        group.cancelAll()
                    }
                } catch {
                    // The caller has hung up, or shall think that the engine did.
                    ended(499)
                    throw error
                }
                try await writer.finish(nil)
            })
        if caller != nil { response.headers[.connection] = "close" }
        return response
    }

    /// Waits until the caller hangs up, an hour at most, or until it is cancelled because the answer is out.
    private static func watch(_ caller: Request, ended: @escaping @Sendable (Int) -> Void) async {
        try? await caller.body.consumeWithCancellationOnInboundClose { _ in try await Task.sleep(for: .seconds(3_600)) }
        ended(499)
    }
}

/// Thrown in the middle of a body: the server closes the connection.
private struct SimulatedCut: Error {}
