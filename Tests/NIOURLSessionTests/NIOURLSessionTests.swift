import HTTPTypes
import Logging
import Testing

@testable import NIOURLSession

@Suite(.timeLimit(.minutes(1))) struct NIOURLSessionTests {
    private func request(_ server: LoopbackServer, _ path: String, _ method: HTTPRequest.Method = .get) -> HTTPRequest {
        HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(server.port)", path: path)
    }

    private func run<Value>(
        _ configuration: NIOURLSessionConfiguration = NIOURLSessionConfiguration(),
        _ body: (NIOURLSession, LoopbackServer) async throws -> Value
    ) async throws -> Value {
        let server = try await LoopbackServer()
        let session = NIOURLSession(configuration: configuration, logger: Logger(label: "test"))
        let result: Result<Value, any Error>
        do { result = .success(try await body(session, server)) } catch { result = .failure(error) }
        await session.shutdown()
        try await server.stop()
        return try result.get()
    }

    /// The error of a call that must fail.
    private func failure(_ call: () async throws(NIOURLSessionError) -> some Any) async -> NIOURLSessionError? {
        do {
            _ = try await call()
            return nil
        } catch {
            return error
        }
    }

    @Test func bodiesGoBothWays() async throws {
        try await run { session, server in
            let (body, response) = try await session.upload(for: request(server, "/echo", .post), from: Array("hello".utf8))
            #expect(response.status == .ok)
            #expect(body == Array("hello".utf8))
            let large = [UInt8](repeating: 65, count: 3 << 20)
            #expect(try await session.upload(for: request(server, "/echo", .post), from: large).body == large)
            #expect(try await session.data(for: request(server, "/ok")).body == Array("ok".utf8))
        }
    }

    @Test(arguments: [
        (path: "/silent", timeouts: NIOURLSessionTimeouts(firstByte: .milliseconds(100)), code: NIOURLSessionError.Code.firstByteTimeout),
        (path: "/stall", timeouts: NIOURLSessionTimeouts(idle: .milliseconds(100)), code: .idleTimeout),
        (path: "/drip", timeouts: NIOURLSessionTimeouts(idle: .milliseconds(1_500), call: .seconds(2)), code: .callTimeout),
        (path: "/silent", timeouts: NIOURLSessionTimeouts(call: .seconds(1)), code: .callTimeout),
    ])
    func everyTimeoutNamesItself(path: String, timeouts: NIOURLSessionTimeouts, code: NIOURLSessionError.Code) async throws {
        try await run { session, server in
            let start = ContinuousClock.now
            let error = await failure { () async throws(NIOURLSessionError) in
                try await session.data(for: request(server, path), timeouts: timeouts)
            }
            #expect(error?.code == code)
            #expect(error?.delivery == .maybeSent)
            #expect(start.duration(to: .now) < .seconds(5))
            await server.wait(for: .closed(path))
        }
    }

    @Test(arguments: [
        (path: "/cut", code: NIOURLSessionError.Code.connectionClosed), (path: "/close", code: .connectionClosed),
        (path: "/noise", code: .invalidResponse), (path: "/status/007", code: .invalidResponse),
        (path: "/status/000", code: .invalidResponse), (path: "/status/600", code: .invalidResponse),
        (path: "/status/abc", code: .invalidResponse),
        (path: "/big-chunked", code: .bodyTooLarge), (path: "/big-declared", code: .bodyTooLarge),
    ])
    func brokenAnswersAreErrors(path: String, code: NIOURLSessionError.Code) async throws {
        try await run(NIOURLSessionConfiguration(maxResponseBodyBytes: 1 << 20)) { session, server in
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: request(server, path)) }
            #expect(error?.code == code, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .maybeSent)
            // The session goes on.
            let (body, _) = try await session.data(for: request(server, "/ok"))
            #expect(body == Array("ok".utf8))
        }
    }

    /// These would be a bug of the server's; all that is asked is that nothing stops and no answer is mistaken for another.
    @Test(arguments: ["/status/100", "/status/101", "/status/199", "/status/204", "/status/304", "/twice", "/early-hints"])
    func oddAnswersDoNoHarm(path: String) async throws {
        try await run { session, server in
            _ = await failure { () async throws(NIOURLSessionError) in
                try await session.data(for: request(server, path), timeouts: NIOURLSessionTimeouts(call: .milliseconds(300)))
            }
            // A connection that ends at this very moment may still be picked: then the call was certainly not sent.
            var answer: [UInt8]?
            for _ in 0..<5 where answer == nil {
                do {
                    answer = try await session.data(for: request(server, "/ok")).body
                } catch {
                    #expect((error as? NIOURLSessionError)?.delivery == .notSent, "\(error)")
                }
            }
            #expect(answer == Array("ok".utf8))
        }
    }

    @Test func refusedConnectionsWereCertainlyNotSent() async throws {
        try await run { session, server in
            let port = try await LoopbackServer.unusedPort()
            let gone = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(port)", path: "/")
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: gone) }
            #expect(error?.code == .connectionRefused, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .notSent)
        }
    }

    @Test func aSilentHostIsAConnectTimeout() async throws {
        let full = try FullBacklog()
        try await run(NIOURLSessionConfiguration(connectTimeout: .milliseconds(300))) { session, server in
            let silent = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(full.port)", path: "/")
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: silent) }
            #expect(error?.code == .connectTimeout, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .notSent)
        }
        full.close()
    }

    @Test func aBusyPoolIsAConnectTimeout() async throws {
        try await run(NIOURLSessionConfiguration(connectTimeout: .milliseconds(300), maxConnectionsPerHost: 1)) { session, server in
            async let held = failure { () async throws(NIOURLSessionError) in
                try await session.data(for: request(server, "/silent"), timeouts: NIOURLSessionTimeouts(call: .seconds(2)))
            }
            await server.wait(for: .asked("/silent"))
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: request(server, "/ok")) }
            #expect(error?.code == .connectTimeout, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .notSent)
            #expect(await held?.code == .callTimeout)
        }
    }

    @Test func plainTextWhereTLSWasAskedForIsATLSError() async throws {
        try await run { session, server in
            let secure = HTTPRequest(method: .get, scheme: "https", authority: "127.0.0.1:\(server.port)", path: "/")
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: secure) }
            #expect(error?.code == .tls, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .notSent)
        }
    }

    @Test(arguments: ["ftp", "", "file"]) func impossibleURLsAreRefused(scheme: String) async throws {
        try await run { session, server in
            let request = HTTPRequest(method: .get, scheme: scheme, authority: "127.0.0.1:\(server.port)", path: "/")
            let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: request) }
            #expect(error?.code == .invalidURL, "\(error?.description ?? "no error")")
            #expect(error?.delivery == .notSent)
        }
    }

    @Test func cancellationClosesTheConnection() async throws {
        try await run { session, server in
            let request = request(server, "/silent")
            // The test cancels from outside, which takes a task of its own.
            let call = Task { await failure { () async throws(NIOURLSessionError) in try await session.data(for: request) } }
            await server.wait(for: .asked("/silent"))
            call.cancel()
            await server.wait(for: .closed("/silent"))
            let error = await call.value
            #expect(error?.code == .cancelled)
            #expect(error?.delivery == .maybeSent)
        }
    }

    @Test func cancelledBeforeTheCallSendsNothing() async throws {
        try await run { session, server in
            let request = request(server, "/ok")
            let call = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await failure { () async throws(NIOURLSessionError) in try await session.data(for: request) }
            }
            let error = await call.value
            #expect(error?.code == .cancelled)
            #expect(error?.delivery == .notSent)
        }
    }

    @Test func redirectsStayAtHome() async throws {
        try await run(NIOURLSessionConfiguration(redirects: .sameOrigin(limit: 3))) { session, server in
            #expect(try await session.data(for: request(server, "/away")).response.status.code == 302)
            #expect(try await session.data(for: request(server, "/away-slashes")).response.status.code == 302)
            #expect(try await session.data(for: request(server, "/near")).body == Array("ok".utf8))
            #expect(try await session.data(for: request(server, "/loop")).response.status.code == 302)
            let kept = try await session.upload(for: request(server, "/near-post", .post), from: Array("again".utf8))
            #expect(kept.body == Array("again".utf8))
            let moved = try await session.upload(for: request(server, "/near-moved", .post), from: Array("again".utf8))
            #expect(moved.response.status.code == 303)
        }
        try await run { session, server in
            let (_, response) = try await session.data(for: request(server, "/near"))
            #expect(response.status.code == 302)
        }
    }

    @Test func aThousandCallsAreInFlightAtOnce() async throws {
        try await run { session, server in
            // The server answers nobody before it has been asked a thousand times.
            let answered = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<1_000 {
                    group.addTask { try await session.data(for: request(server, "/gate")).body == Array("gate".utf8) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(answered == 1_000)
        }
    }

    @Test func streamsComeInPieces() async throws {
        try await run { session, server in
            let (bytes, response) = try await session.bytes(for: request(server, "/pieces"))
            #expect(response.status == .ok)
            var all: [UInt8] = []
            for try await piece in bytes { all += piece }
            #expect(all == Array("0123456789".utf8))
        }
    }

    @Test func aStreamEndsWithItsFault() async throws {
        try await run { session, server in
            let (cut, _) = try await session.bytes(for: request(server, "/cut"))
            let end = await failure { () async throws(NIOURLSessionError) in for try await _ in cut {} }
            #expect(end?.code == .connectionClosed)
            let (stalled, _) = try await session.bytes(
                for: request(server, "/stall"), timeouts: NIOURLSessionTimeouts(idle: .milliseconds(100)))
            let stall = await failure { () async throws(NIOURLSessionError) in for try await _ in stalled {} }
            #expect(stall?.code == .idleTimeout)
            let headless = await failure { () async throws(NIOURLSessionError) in try await session.bytes(for: request(server, "/close")) }
            #expect(headless?.code == .connectionClosed)
        }
    }

    @Test func aDroppedStreamClosesItsConnection() async throws {
        try await run { session, server in
            do {
                let (bytes, _) = try await session.bytes(for: request(server, "/drip"))
                var iterator = bytes.makeAsyncIterator()
                _ = try await iterator.next()
            }
            await server.wait(for: .closed("/drip"))
        }
    }

    @Test func aClosedSessionSaysSo() async throws {
        let server = try await LoopbackServer()
        let session = NIOURLSession(logger: Logger(label: "test"))
        await session.shutdown()
        let error = await failure { () async throws(NIOURLSessionError) in try await session.data(for: request(server, "/ok")) }
        #expect(error?.code == .shutdown)
        #expect(error?.delivery == .notSent)
        try await server.stop()
    }
}

extension LoopbackServer {
    /// A port nobody listens on, for as long as nobody takes it.
    static func unusedPort() async throws -> Int {
        let server = try await LoopbackServer()
        try await server.stop()
        return server.port
    }
}
