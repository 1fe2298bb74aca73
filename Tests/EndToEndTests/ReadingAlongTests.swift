import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Operations
import Testing

/// What an engine says, while it says it, on the stream of its task.
@Suite(.timeLimit(.minutes(2))) struct ReadingAlongTests {
    @Test func aRunningTasksAnswerComesInPieces() async throws {
        try await EngineFarm.with(["slow": ["--tokens-per-second", "20"]]) { farm in
            // Four seconds: whoever looks late finds it speaking.
            try await farm.order("slow", "say=\(Array(repeating: "word", count: 80).joined(separator: " "))")
            let task = try await farm.submit(["prompt": "say what you will of the weather"])
            async let stream = Self.read("/v1/tasks/\(task)/events", farm.fleet)
            let worker = try await farm.startWorker()
            let blocks = try await stream
            await worker.terminate(grace: .seconds(10))
            let deltas = try blocks.filter { $0.contains("event: task.delta") }.map(Self.data)
            let last = try Self.data(try #require(blocks.last { $0.contains("event: task.completed") }))
            let answer = try #require(last["output_data"]?["text"]?.stringValue)
            #expect(deltas.count > 3, "it came in pieces")
            // Its last words may come with the end only.
            let said = deltas.compactMap { $0["text"]?.stringValue }.joined()
            #expect(answer.hasPrefix(said) && said.utf8.count * 2 > answer.utf8.count)
            var offset = 0
            for delta in deltas {
                #expect(delta["offset"]?.intValue == offset && delta["attempt"]?.intValue == 1)
                #expect(delta["engine"]?.stringValue == "slow")
                offset += delta["text"]?.stringValue?.unicodeScalars.count ?? 0
            }
            #expect(!blocks.contains { $0.contains("event: task.delta") && $0.contains("id: ") }, "nobody goes on behind a piece")
        }
    }

    /// The whole stream, event by event.
    private static func read(_ path: String, _ fleet: Fleet) async throws -> [String] {
        let (bytes, head) = try await fleet.stream(path)
        #expect(head.status.code == 200)
        var text: [UInt8] = []
        for try await piece in bytes { text += piece }
        return String(decoding: text, as: UTF8.self).components(separatedBy: "\n\n")
    }

    private static func data(_ event: String) throws -> JSONValue {
        let line = event.split(separator: "\n").first { $0.hasPrefix("data: ") } ?? "data: null"
        return try JSONValue(parsing: Array(line.dropFirst("data: ".count).utf8))
    }
}
