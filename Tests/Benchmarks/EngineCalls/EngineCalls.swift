import ArgumentParser
import AsyncHTTPClient
import Domain
import Engines
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOURLSession

/// What a call costs this process through Chorus's engine layer, beside the same call by AsyncHTTPClient alone, which sends the same bytes
/// and gathers the answer without looking into it.
///
/// Rounds take turns, so that a noisy machine is noisy for both; the processor time is the process's own.
@main
struct EngineCalls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine-calls-benchmark",
        abstract: "Measure the processor time of calls to an engine, against AsyncHTTPClient alone.",
        discussion: "Start an engine first: chorus simulate-engine --port 8000")

    @Option(help: "The engine's base address.") var engine = "http://127.0.0.1:8000/v1"
    @Option(help: "Calls in a round.") var calls = 20_000
    @Option(help: "Calls in flight.") var concurrency = 64
    @Option(help: "Rounds of each kind.") var rounds = 5
    @Flag(help: "Ask for answers in one piece.") var noStream = false
    @Flag(help: "Answer in JSON.") var json = false

    func run() async throws {
        let logger = Logger(label: "benchmark", factory: { _ in SwiftLogNoOpLogHandler() })
        let definition = EngineDefinition(
            name: "measured", baseURL: try EngineURL(engine), model: "simulated", streams: !noStream)
        var configuration = NIOURLSessionConfiguration()
        configuration.maxConnectionsPerHost = concurrency
        let session = NIOURLSession(configuration: configuration, logger: logger)
        let registry = EngineRegistry(session: session)
        registry.replace(with: [definition])
        let measured = try registry.engine()

        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var clientConfiguration = HTTPClient.Configuration()
        clientConfiguration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = concurrency
        clientConfiguration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .shared(loops), configuration: clientConfiguration)
        let request = try self.request(for: definition)

        var alone: [Double] = []
        var layered: [Double] = []
        // The first round of each opens the connections, and does not count.
        for round in 0...rounds {
            let plain = try await cost {
                let answer = try await client.execute(request, timeout: .seconds(120))
                guard answer.status == .ok else { throw Refused(status: answer.status.code) }
                _ = try await answer.body.collect(upTo: 16 << 20)
            }
            let chorus = try await cost(on: session.taskExecutor) { _ = try await measured.call(Self.question, timeout: .seconds(120)) }
            guard round > 0 else { continue }
            alone.append(plain)
            layered.append(chorus)
        }
        try await client.shutdown()
        try await loops.shutdownGracefully()
        await session.shutdown()
        show(alone, layered)
    }

    private struct Refused: Error {
        var status: UInt
    }

    private static let question: JSONObject = [
        "messages": [["role": "user", "content": "Say something of ten words about the weather of today"]]
    ]

    /// The bytes that the engine layer sends for the question.
    private func request(for definition: EngineDefinition) throws -> HTTPClientRequest {
        var body = Self.question
        body["model"] = "simulated"
        if !noStream {
            body["stream"] = true
            body["stream_options"] = ["include_usage": true]
        }
        var request = HTTPClientRequest(url: "\(definition.baseURL)/chat/completions")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "accept", value: "application/json, text/event-stream, application/x-ndjson")
        request.body = .bytes(ByteBuffer(bytes: JSONValue.object(body).serialized()))
        return request
    }

    /// Microseconds of processor time a call.
    private func cost(on executor: (any TaskExecutor)? = nil, _ call: @escaping @Sendable () async throws -> Void) async throws -> Double {
        let share = calls / concurrency
        let before = Self.processorTime()
        try await withTaskExecutorPreference(executor) {
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<concurrency {
                    group.addTask { for _ in 0..<share { try await call() } }
                }
            }
        }
        return (Self.processorTime() - before) / Double(share * concurrency) * 1e6
    }

    /// Seconds, user and system.
    private static func processorTime() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    private func show(_ alone: [Double], _ layered: [Double]) {
        let (plain, chorus) = (alone.sorted()[alone.count / 2], layered.sorted()[layered.count / 2])
        if json {
            let figures = { (values: [Double]) in JSONValue.array(values.map { .number(JSONNumber(Int($0 * 1_000))) }) }
            let value: JSONValue = [
                "nanoseconds_per_call": ["async_http_client": figures(alone), "chorus": figures(layered)],
                "ratio_percent": .number(JSONNumber(Int((chorus / plain * 100).rounded()))),
            ]
            print(value.text)
        } else {
            let text = { (values: [Double]) in values.map { String(format: "%.1f", $0) }.joined(separator: " ") }
            print("AsyncHTTPClient alone: \(text(alone)) µs a call")
            print("Chorus's engine layer: \(text(layered)) µs a call")
            print(String(format: "medians %.1f and %.1f, ratio %.2f", plain, chorus, chorus / plain))
        }
    }
}
