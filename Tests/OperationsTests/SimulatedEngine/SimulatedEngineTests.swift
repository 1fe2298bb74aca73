import Domain
import Foundation
import HTTPTypes
import Logging
import NIOURLSession
import ServiceLifecycle
import TestSupport
import Testing

@testable import Operations

@Suite(.timeLimit(.minutes(1))) struct SimulatedEngineTests {
    /// A client of one simulated engine.
    private struct Client: Sendable {
        let session: NIOURLSession
        let port: Int

        func ask(
            _ body: JSONValue, headers: [(String, String)] = []
        ) async throws -> (status: Int, json: JSONValue, fields: HTTPFields) {
            try await ask(bytes: body.serialized(), headers: headers)
        }

        func ask(
            bytes: [UInt8], headers: [(String, String)] = []
        ) async throws -> (status: Int, json: JSONValue, fields: HTTPFields) {
            var request = HTTPRequest(method: .post, scheme: "http", authority: "127.0.0.1:\(port)", path: "/v1/chat/completions")
            for (name, value) in headers { request.headerFields[try #require(HTTPField.Name(name))] = value }
            let (body, response) = try await session.upload(for: request, from: bytes)
            return (response.status.code, try JSONValue(parsing: body), response.headerFields)
        }

        func put(_ path: String, _ text: String) async throws -> Int {
            let request = HTTPRequest(method: .put, scheme: "http", authority: "127.0.0.1:\(port)", path: path)
            return try await session.upload(for: request, from: Array(text.utf8)).response.status.code
        }

        func get(_ path: String, _ method: HTTPRequest.Method = .get) async throws -> (status: Int, json: JSONValue) {
            let request = HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(port)", path: path)
            let (body, response) = try await session.data(for: request)
            return (response.status.code, body.isEmpty ? .null : try JSONValue(parsing: body))
        }
    }

    private func run(
        _ configuration: SimulatedEngineConfiguration = SimulatedEngineConfiguration(), _ body: (Client) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test")
        let (ports, ready) = AsyncStream.makeStream(of: Int.self)
        let service = SimulatedEngine(configuration: configuration, logger: logger) { ready.yield($0) }
        let group = ServiceGroup(services: [service], logger: logger)
        let session = NIOURLSession(logger: logger)
        let result: Result<Void, any Error> = await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await group.run() }
            let result: Result<Void, any Error>
            do {
                var iterator = ports.makeAsyncIterator()
                try await body(Client(session: session, port: try #require(await iterator.next())))
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await session.shutdown()
            await group.triggerGracefulShutdown()
            return result
        }
        try result.get()
    }

    private let question: JSONValue = ["model": "m", "messages": [["role": "user", "content": "What is a chorus?"]]]

    @Test func itEchoesAndCountsWords() async throws {
        try await run { client in
            let answer = try await client.ask(question)
            #expect(answer.status == 200)
            #expect(answer.json["choices"]?[0]?["message"]?["content"] == "Simulated answer to: What is a chorus?")
            #expect(answer.json["usage"] == ["prompt_tokens": 4, "completion_tokens": 7, "total_tokens": 11])
            var short = question.objectValue ?? [:]
            short["max_tokens"] = 2
            let cut = try await client.ask(.object(short))
            #expect(cut.json["choices"]?[0]?["message"]?["content"] == "Simulated answer")
            #expect(cut.json["choices"]?[0]?["finish_reason"] == "length")
            #expect(try await client.get("/v1/models").json["data"]?[0]?["id"] == "simulated")
            #expect(try await client.get("/health").status == 200)
            #expect(try await client.get("/nowhere").status == 404)
        }
    }

    @Test func itStreams() async throws {
        try await run { client in
            var body = question.objectValue ?? [:]
            body["stream"] = true
            body["stream_options"] = ["include_usage": true]
            let request = HTTPRequest(
                method: .post, scheme: "http", authority: "127.0.0.1:\(client.port)", path: "/v1/chat/completions")
            let (bytes, response) = try await client.session.bytes(for: request, from: JSONValue.object(body).serialized())
            #expect(response.headerFields[.contentType] == "text/event-stream")
            var all: [UInt8] = []
            for try await piece in bytes { all += piece }
            let events = String(decoding: all, as: UTF8.self).split(separator: "\n\n").map { String($0.dropFirst(6)) }
            #expect(events.last == "[DONE]")
            let values = try events.dropLast().map { try JSONValue(parsing: $0) }
            let text = values.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined()
            #expect(text == "Simulated answer to: What is a chorus?")
            #expect(values.last?["usage"]?["total_tokens"] == 11)
            #expect(try await client.get("/stats").json["in_flight"] == 0)
        }
    }

    @Test func badRequestsAreToldInOpenAIsShape() async throws {
        try await run(SimulatedEngineConfiguration(maxBodyBytes: 1_000)) { client in
            for bytes in [Array("{".utf8), Array("[]".utf8), Array(#"{"messages":[]}"#.utf8), [0xFF]] {
                let answer = try await client.ask(bytes: bytes)
                #expect(answer.status == 400)
                #expect(answer.json["error"]?["type"] == "invalid_request_error")
                #expect(answer.json["error"]?["message"]?.stringValue?.isEmpty == false)
            }
            #expect(try await client.ask(bytes: [UInt8](repeating: 32, count: 2_000)).status == 413)
        }
    }

    @Test func faultsComeOnCommand() async throws {
        try await run { client in
            let byHeader = try await client.ask(question, headers: [("x-simulate", "status=429;retry-after=2")])
            #expect(byHeader.status == 429)
            #expect(byHeader.fields[.retryAfter] == "2")
            let byMessage = try await client.ask(["messages": [["role": "user", "content": "x [simulate: status=529]"]]])
            #expect(byMessage.status == 529)
            var body = question.objectValue ?? [:]
            body["simulate"] = "latency=150ms"
            let start = ContinuousClock.now
            #expect(try await client.ask(.object(body)).status == 200)
            #expect(start.duration(to: .now) >= .milliseconds(150))
        }
    }

    @Test func statsCountEveryKey() async throws {
        try await run { client in
            for _ in 0..<2 { _ = try await client.ask(question, headers: [("Idempotency-Key", "twice")]) }
            var body = question.objectValue ?? [:]
            body["user"] = "once"
            _ = try await client.ask(.object(body))
            _ = try await client.ask(question, headers: [("x-simulate", "status=500")])
            let stats = try await client.get("/stats").json
            #expect(stats["calls"] == 4)
            #expect(stats["calls_by_key"]?["twice"] == 2)
            #expect(stats["calls_by_key"]?["once"] == 1)
            #expect(stats["keys_called_twice"] == 1)
            #expect(stats["errors"] == ["500": 1])
            #expect(try await client.get("/stats", .delete).status == 204)
            #expect(try await client.get("/stats").json["calls"] == 0)
        }
    }

    @Test func theRateLimitRefuses() async throws {
        try await run(SimulatedEngineConfiguration(rateLimit: 2)) { client in
            var statuses: [Int] = []
            for _ in 0..<3 { statuses.append(try await client.ask(question).status) }
            #expect(statuses == [200, 200, 429])
        }
    }

    @Test func theSameSeedThrowsTheSameDice() {
        let configuration = SimulatedEngineConfiguration(latency: .milliseconds(100), jitter: .milliseconds(50), errorRate: 0.3, seed: 7)
        let fates = { (1...1_000).map { SimulatedFate(number: $0, seed: 7, configuration: configuration) } }
        #expect(fates() == fates())
        let failed = fates().count { $0.ending != .answer }
        #expect((200...400).contains(failed))
        #expect(fates().allSatisfy { (.milliseconds(50)...Duration.milliseconds(150)).contains($0.latency) })
    }

    @Test func hundredsWaitAtOnce() async throws {
        try await run(SimulatedEngineConfiguration(latency: .milliseconds(900))) { client in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<500 { group.addTask { try await client.ask(question).status } }
                for try await status in group { #expect(status == 200) }
            }
            let stats = try await client.get("/stats").json
            #expect(stats["calls"] == 500)
            #expect((stats["max_in_flight"]?.intValue ?? 0) > 100)
        }
    }

    @Test func anOrderStandsUntilItIsTakenBack() async throws {
        try await run { client in
            #expect(try await client.put("/order", "nonsense") == 400)
            #expect(try await client.put("/order", "status=429;retry-after=7") == 204)
            let refused = try await client.ask(question)
            #expect(refused.status == 429 && refused.fields[.retryAfter] == "7")
            // What a call says of itself goes over it.
            #expect(try await client.ask(question, headers: [("x-simulate", "ok")]).status == 200)
            #expect(try await client.get("/order", .delete).status == 204)
            #expect(try await client.ask(question).status == 200)
        }
    }

    @Test func saysWhatItIsTold() async throws {
        try await run { client in
            #expect(try await client.put("/order", #"say={"choice": 2}"#) == 204)
            let answer = try await client.ask(question).json
            #expect(answer["choices"]?[0]?["message"]?["content"] == #"{"choice": 2}"#)
            #expect(try await client.get("/stats").json["last_answer_at"]?.intValue ?? 0 > 1_600_000_000_000_000)
        }
    }

    @Test func anOrderForAShareStrikesAShare() throws {
        let order = try #require(SimulatedOrder("share=0.3;status=500"))
        let struck = (1...1_000 as ClosedRange<UInt64>).count { number in
            var fate = SimulatedFate(latency: .zero, ending: .answer)
            order.apply(to: &fate, number: number, seed: 7)
            return fate.ending == .status(500, retryAfter: nil)
        }
        #expect((250...350).contains(struck))
        for text in ["", "share=0.3", "share=2;cut", "share=x;cut", "later=1"] { #expect(SimulatedOrder(text) == nil, "\(text)") }
    }

    @Test func theRecordOutlivesTheEngine() async throws {
        let path = "\(try await TestFolder.fresh("record"))/record"
        for key in ["first", "second"] {
            try await run(SimulatedEngineConfiguration(recordPath: path)) { client in
                _ = try await client.ask(question, headers: [("Idempotency-Key", key)])
            }
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines == ["began first", "ended first 200", "began second", "ended second 200"])
    }
}
