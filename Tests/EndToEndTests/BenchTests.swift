import Domain
import Foundation
import NIOCore
import Operations
import TestSupport
import Testing

@testable import chorus

/// What `chorus bench` measures with.
@Suite struct BenchPartsTests {
    @Test func aPlanSharesTasksOutOverRequests() {
        let plan = LoadPlan(tasks: 1_250, batch: 500, callers: 4, rate: 50)
        #expect(plan.calls == 3)
        #expect((0..<4).map { plan.call($0)?.tasks } == [500, 500, 250, nil])
        #expect(plan.call(2)?.due == 0.04)
        #expect(LoadPlan(tasks: 3).call(2) == LoadPlan.Call(tasks: 1, due: 0))
    }

    @Test func answersAreReadFromAnyPieces() throws {
        let text =
            "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 409 Conflict\r\ndate: now\r\ncontent-length: 6\r\n\r\nsecond"
        for size in [1, 7, 40, text.utf8.count] {
            var reader = ResponseReader()
            var answers: [String] = []
            for start in stride(from: 0, to: text.utf8.count, by: size) {
                reader.append(ByteBuffer(bytes: text.utf8.dropFirst(start).prefix(size)))
                while let answer = try reader.next() { answers.append("\(answer.status) \(String(buffer: answer.body))") }
            }
            #expect(answers == ["201 first", "409 second"])
        }
    }

    @Test(arguments: [
        "HTTP/1.1 201 Created\r\n\r\n", "HTTP/1.1 2x1 Created\r\ncontent-length: 1\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 201 Created\r\ncontent-length: 99999999999999999999\r\n\r\n", String(repeating: "a", count: 20_000),
    ])
    func aWrongAnswerIsAnErrorNotACrash(text: String) {
        var reader = ResponseReader()
        reader.append(ByteBuffer(string: text))
        #expect(throws: ResponseReader.Fault.self) { try reader.next() }
    }

    @Test func memoryIsReadFromTheRollup() throws {
        let memory = try #require(
            ProcessMemory(rollup: "5581-7ffc ---p 00:00 0  [rollup]\nRss:   2048 kB\nPss:   512 kB\nPss_Dirty:  4 kB\n"))
        #expect(memory.resident == 2 && memory.proportional == 0.5)
        #expect(ProcessMemory(rollup: "nothing") == nil)
        #expect(ProcessMemory(processID: 0) == nil)
    }
}

/// `chorus bench` against a running system.
@Suite(.serialized, .timeLimit(.minutes(3))) struct BenchTests {
    @Test func measuresARunningSystem() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "1ms", "--engine-error-rate", "0"]) { system in
            let folder = try await TestFolder.fresh("bench")
            for (arguments, figure) in [
                (["throughput", "--tasks", "50", "--batch", "20"], "completed"),
                (["latency", "--tasks", "20", "--rate", "200"], "task_p99"),
                (["acceptance", "--tasks", "10"], "4_ndjson_uploads"),
                (["noisy", "--tasks", "5", "--behind", "50"], "ratio"),
            ] {
                let child = try await ChildProcess.start(
                    ProcessCommand(
                        executable: DevSystem.executable, arguments: ["bench"] + arguments + ["--json"],
                        environment: try DevSystem.variables(system.folder), logPath: "\(folder)/\(arguments[0])"))
                let text = try await Self.output(of: child, at: "\(folder)/\(arguments[0])")
                let answer = try JSONValue(parsing: text)
                #expect((answer[figure]?.doubleValue ?? 0) > 0, "\(text)")
            }
        }
    }

    private static func output(of child: ChildProcess, at path: String) async throws -> String {
        let exit = await child.exit()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard case .exited(0) = exit else { throw LoadFailure(description: text) }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
