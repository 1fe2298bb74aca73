import HTTPTypes
import Logging
import NIOURLSession
import ServiceLifecycle
import Testing

@testable import Operations

@Suite(.timeLimit(.minutes(1))) struct MetricsServerTests {
    /// A scraper keeps its connection for the next time: that holds up nobody's end.
    @Test func showsThePageAndEnds() async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = MetricsServer(host: "127.0.0.1", port: 0, logger: logger, onListening: { port.yield($0) }) { "# all is well\n" }
        let group = ServiceGroup(services: [server], logger: logger)
        let session = NIOURLSession(logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                func get(_ path: String) async throws -> (body: [UInt8], response: HTTPResponse) {
                    try await session.data(for: HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(port)", path: path))
                }
                let (page, response) = try await get("/metrics")
                #expect(response.status == .ok && String(decoding: page, as: UTF8.self) == "# all is well\n")
                #expect(response.headerFields[.contentType]?.hasPrefix("text/plain") == true)
                #expect(try await get("/other").response.status == .notFound)
                break
            }
            let start = ContinuousClock.now
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            #expect(ContinuousClock.now - start < .seconds(10))
        }
        await session.shutdown()
    }
}
