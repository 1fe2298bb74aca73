import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import NIOHTTPListener

@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTPListenerTests {
    /// Apart from the server's threads, so that both may be in the middle of something.
    private static let clients = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    private struct Server: Service {
        var maxConnections = 1_000
        var bounds = ConnectionBounds()
        let onListening: @Sendable (Int) -> Void

        func run() async throws {
            let router = Router()
            router.get("/word") { _, _ in "well" }
            router.post("/length") { request, _ in "\(try await request.body.collect(upTo: 1 << 20).readableBytes)" }
            router.get("/broken") { _, _ -> String in throw ChannelError.eof }
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let settings = HTTPListener.Settings(
                router.buildResponder(), maxConnections: maxConnections, bounds: bounds, logger: logger)
            try await HTTPListener(at: .host("127.0.0.1", port: 0), settings, logger: logger).serve(onListening: onListening)
        }
    }

    /// Runs `body` while a server listens, and waits until it has ended.
    private static func withServer(
        maxConnections: Int = 1_000, _ bounds: ConnectionBounds = ConnectionBounds(), _ body: (Int) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = Server(maxConnections: maxConnections, bounds: bounds) { port.yield($0) }
        let group = ServiceGroup(services: [server], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            var listening = ports.makeAsyncIterator()
            let result: Result<Void, any Error>
            do { result = .success(try await body(try #require(await listening.next()))) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    private static func withConnection<Value: Sendable>(
        _ port: Int,
        _ body: @Sendable (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Value
    ) async throws -> Value {
        try await ClientBootstrap(group: clients).connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
        }.executeThenClose { try await body($0, $1) }
    }

    /// What `request` is answered with, until the connection ends.
    private static func exchange(_ request: String, port: Int) async throws -> String {
        try await withConnection(port) { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ""
            for try await piece in inbound { answer += String(buffer: piece) }
            return answer
        }
    }

    /// What a request is answered with, until the connection ends; nothing where it ended without a word, or none was sent (nil); nil where
    /// nobody listens.
    private static func answer(to path: String?, port: Int) async -> String? {
        do {
            return try await withConnection(port) { inbound, outbound in
                guard let path else { return "" }
                var answer = ""
                do {
                    try await outbound.write(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
                    for try await piece in inbound { answer += String(buffer: piece) }
                } catch {}
                return answer
            }
        } catch {
            return nil
        }
    }

    @Test func answersAndDatesItsAnswers() async throws {
        try await Self.withServer { port in
            let word = try #require(await Self.answer(to: "/word", port: port))
            #expect(word.hasPrefix("HTTP/1.1 200") && word.contains("\r\nDate: ") && word.hasSuffix("\r\n\r\nwell"), "\(word)")
            #expect(await Self.answer(to: "/broken", port: port)?.hasPrefix("HTTP/1.1 500") == true)
            #expect(await Self.answer(to: "/nowhere", port: port)?.hasPrefix("HTTP/1.1 404") == true)
        }
        #expect(ResponseDate.text(of: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    /// What stands in the place of a head or of a body is no request, and its connection ends.
    @Test func whatIsNoRequestIsRefused() async throws {
        try await Self.withServer { port in
            let garbage = try await Self.exchange("\u{16}\u{3}\u{1}\r\n\r\n", port: port)
            #expect(garbage.hasPrefix("HTTP/1.1 400"), "\(garbage)")
            let head = "POST /length HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            let whole = try await Self.exchange(head + "2\r\nab\r\n0\r\n\r\n", port: port)
            #expect(whole.hasPrefix("HTTP/1.1 200") && whole.hasSuffix("\r\n\r\n2"), "\(whole)")
            let broken = try await Self.exchange(head + "2\r\nab\r\nxyz\r\n", port: port)
            #expect(broken.hasPrefix("HTTP/1.1 400"), "\(broken)")
            #expect(await Self.answer(to: "/word", port: port)?.hasSuffix("well") == true)
        }
    }

    @Test(arguments: ["GET /word HTTP/1.1\r\nhost:", "POST /length HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\na"])
    func slowSendersAreCutOff(beginning: String) async throws {
        let bounds = ConnectionBounds(headTime: .milliseconds(200)) { _ in .milliseconds(200) }
        try await Self.withServer(bounds) { port in
            let answer = try await Self.exchange(beginning, port: port)
            #expect(!answer.hasPrefix("HTTP/1.1 2"), "\(answer)")
        }
    }

    /// Who comes when there are as many as may be waits with the kernel, and is served when one of them has gone.
    @Test func moreThanMayBeWait() async throws {
        let (served, serve) = AsyncStream<String>.makeStream()
        try await Self.withServer(maxConnections: 1) { port in
            let second = try await Self.withConnection(port) { inbound, outbound in
                var answers = inbound.makeAsyncIterator()
                var second: Task<Void, Never>?
                for number in 1...2 {
                    try await outbound.write(ByteBuffer(string: "GET /word HTTP/1.1\r\nhost: localhost\r\n\r\n"))
                    #expect(try await answers.next() != nil)
                    serve.yield("first, \(number)")
                    guard number == 1 else { continue }
                    second = Task {
                        #expect(await Self.answer(to: "/word", port: port)?.hasSuffix("well") == true)
                        serve.yield("second")
                    }
                    // Time in which a server without a limit would answer.
                    try await Task.sleep(for: .milliseconds(200))
                }
                return second
            }
            await second?.value
        }
        serve.finish()
        let order = await served.reduce(into: []) { $0.append($1) }
        #expect(order == ["first, 1", "first, 2", "second"])
    }

    /// A connection that waits for its next request is closed, one that has a request is answered first.
    @Test func endsConnectionsThatWait() async throws {
        let (words, word) = AsyncStream<String>.makeStream()
        let answered = Task { await words.reduce(into: []) { $0.append($1) } }
        try await withThrowingTaskGroup { clients in
            try await Self.withServer { port in
                let (opened, open) = AsyncStream<Void>.makeStream()
                clients.addTask {
                    try await Self.withConnection(port) { inbound, outbound in
                        try await outbound.write(ByteBuffer(string: "GET /word HTTP/1.1\r\nhost: localhost\r\n\r\n"))
                        for try await piece in inbound {
                            word.yield(String(buffer: piece))
                            open.yield()
                        }
                    }
                }
                for await _ in opened { break }
            }
            // The server has ended, so it has closed the connection.
            try await clients.waitForAll()
        }
        word.finish()
        #expect(await answered.value.joined().hasSuffix("well"))
    }

    /// Connections come all the time, also at the moment of the end: none waits for ever, what is answered is answered whole, and the process
    /// goes on.
    @Test func endsWhileConnectionsCome() async throws {
        for _ in 0..<40 {
            try await withThrowingTaskGroup(of: [String].self) { clients in
                try await Self.withServer { port in
                    // They go on behind the server's end, which begins when the first of them was answered.
                    let (firsts, first) = AsyncStream<Void>.makeStream()
                    for number in 0..<24 {
                        clients.addTask {
                            var answers: [String] = []
                            while let answer = await Self.answer(to: number % 3 == 0 ? "/word" : nil, port: port) {
                                if answer.isEmpty { continue }
                                answers.append(answer)
                                first.yield()
                            }
                            return answers
                        }
                    }
                    for await _ in firsts { break }
                }
                let answers = try await clients.reduce(into: []) { $0 += $1 }
                #expect(!answers.isEmpty && answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200") && $0.hasSuffix("well") })
            }
        }
    }
}
