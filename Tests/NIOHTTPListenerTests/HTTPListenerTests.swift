import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

@testable import NIOHTTPListener

@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTPListenerTests {
    /// Apart from the server's threads, so that both may be in the middle of something.
    private static let clients = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    private final class Count: Sendable {
        let value = Mutex(0)
    }

    private struct Server: Service {
        let onListening: @Sendable (Int) -> Void

        func run() async throws {
            let router = Router()
            router.get("/word") { _, _ in "well" }
            router.get("/broken") { _, _ -> String in throw ChannelError.eof }
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let settings = HTTPListener.Settings(router.buildResponder(), maxConnections: 1_000, logger: logger)
            try await HTTPListener(at: .host("127.0.0.1", port: 0), settings, logger: logger).serve(onListening: onListening)
        }
    }

    /// Runs `body` while a server listens, and waits until it has ended.
    private static func withServer(_ body: (Int) async throws -> Void) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let group = ServiceGroup(
            services: [Server { port.yield($0) }], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
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

    /// What a request is answered with, until the connection ends; nil where it was refused, or broke off without a word.
    private static func answer(to path: String, port: Int) async -> String? {
        let client = try? await ClientBootstrap(group: Self.clients).connect(host: "127.0.0.1", port: port) {
            channel in
            channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
        }
        guard let client else { return nil }
        return try? await client.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
            var answer = ""
            for try await piece in inbound { answer += String(buffer: piece) }
            return answer.isEmpty ? nil : answer
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

    /// Connections come all the time, also at the moment of the end: each is answered or closed, and the process goes on.
    @Test func endsWhileConnectionsCome() async throws {
        let answers = Count()
        for _ in 0..<40 {
            try await Self.withServer { port in
                // They go on behind the server's end, which begins when the first of them was answered.
                let (firsts, first) = AsyncStream<Void>.makeStream()
                for number in 0..<24 {
                    Task {
                        while let client = try? await ClientBootstrap(group: Self.clients)
                            .connect(host: "127.0.0.1", port: port).get()
                        {
                            // Two of three say nothing.
                            if number % 3 > 0 {
                                try? await client.close()
                            } else if await Self.answer(to: "/word", port: port) != nil {
                                answers.value.withLock { $0 += 1 }
                                first.yield()
                            }
                        }
                        first.yield()
                    }
                }
                for await _ in firsts { break }
            }
        }
        #expect(answers.value.withLock { $0 } >= 40)
    }
}
