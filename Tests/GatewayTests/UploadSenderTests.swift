import Domain
import Foundation
import HTTPTypes
import Store
import TestSupport
import Testing

@testable import Gateway

/// Uploads whose senders are slow, leave early, or send very much.
@Suite(.serialized, .timeLimit(.minutes(5))) struct UploadSenderTests {
    private static let task = GatewayTests.task
    /// More than an upload keeps in memory, so that one that is under way has a file.
    private static let lines = String(repeating: task + "\n", count: 4_100)

    private static func oneAtATime(_ configuration: inout GatewayConfiguration) { configuration.uploadsAtOnce = 1 }

    private static var chunk: String { "\(String(lines.utf8.count, radix: 16))\r\n\(lines)\r\n" }

    /// Whether an upload of one task is taken now.
    private static func isFree(_ fixture: GatewayFixture, _ project: String) async throws -> Bool {
        let answer = try await fixture.upload("\(task)\n", to: project)
        if answer.status == 503 { #expect(answer.head.headerFields[.retryAfter] != nil) }
        return answer.status == 201
    }

    /// Files of this process that hold an upload: without names, so that only the kernel knows them (proc(5)).
    private static func uploadsUnderWay() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { descriptor in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            return target?.contains("/chorus-upload-") ?? false
        }
    }

    /// What has come is whole lines, so only the end that is missing tells.
    @Test(arguments: ["content-length: 1000000", "transfer-encoding: chunked"])
    func whatBreaksOffStoresNothing(header: String) async throws {
        try await GatewayFixture.with(configure: Self.oneAtATime) { fixture in
            let project = try await fixture.makeProject()
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.sendHead(project: project, key: fixture.key.secret, header)
                try await connection.send(header.hasPrefix("transfer") ? Self.chunk : Self.lines)
                try await eventually("it is under way") { try Self.uploadsUnderWay() == 1 }
            }
            try await eventually("the gateway has given it up") { try Self.uploadsUnderWay() == 0 }
            #expect(try await fixture.countTasks() == 0)
            try await eventually("the next one is taken") { try await Self.isFree(fixture, project) }
        }
    }

    @Test func onlySoManyAtOnce() async throws {
        try await GatewayFixture.with(configure: Self.oneAtATime) { fixture in
            let project = try await fixture.makeProject()
            try await RawConnection.with(port: fixture.port) { connection in
                let length = Self.lines.utf8.count + Self.task.utf8.count
                try await connection.sendHead(project: project, key: fixture.key.secret, "content-length: \(length)")
                try await connection.send(Self.lines)
                try await eventually("it is under way") { try Self.uploadsUnderWay() == 1 }
                #expect(try await !Self.isFree(fixture, project))
                // Another way in is not held up.
                #expect(try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task).status == 201)
                try await connection.send(Self.task)
                #expect(try await connection.head().hasPrefix("HTTP/1.1 201"))
            }
            try await eventually("the next one is taken") { try await Self.isFree(fixture, project) }
        }
    }

    @Test func aSenderThatFallsSilentIsGivenUp() async throws {
        try await GatewayFixture.with { configuration in
            configuration.uploadsAtOnce = 1
            configuration.idleTimeout = .seconds(1)
        } _: { fixture in
            let project = try await fixture.makeProject()
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.sendHead(project: project, key: fixture.key.secret, "transfer-encoding: chunked")
                try await connection.send(Self.chunk)
                try await eventually("it is under way") {
                    // Until then it says something: an empty line is none.
                    try await connection.send("1\r\n\n\r\n")
                    return try Self.uploadsUnderWay() == 1
                }
                _ = try await connection.answer()
            }
            try await eventually("the gateway has given it up") { try Self.uploadsUnderWay() == 0 }
            #expect(try await fixture.countTasks() == 0)
            try await eventually("the next one is taken") { try await Self.isFree(fixture, project) }
        }
    }

    @Test func aSenderThatNeedsTooLongIsToldSo() async throws {
        try await GatewayFixture.with(configure: { $0.uploadTimeout = .zero }) { fixture in
            let project = try await fixture.makeProject()
            #expect(try await fixture.upload("\(Self.task)\n", to: project).status == 408)
            #expect(try await fixture.countTasks() == 0)
        }
    }

    /// As many tasks as may be, in far less memory than they are: the process is gateway and sender.
    @Test func aLargeUploadNeedsLittleMemory() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            // Warm: connections, statements, the pools of threads.
            #expect(try await fixture.upload(String(repeating: Self.task + "\n", count: 2_000), to: project).status == 201)
            let body = String(repeating: Self.task + "\n", count: 100_000)
            try Self.forgetPeak()
            let before = try Self.peakMemory()
            let answer = try await fixture.upload(body, to: project)
            let growth = try Self.peakMemory() - before
            #expect(answer.status == 201)
            #expect(answer.json["accepted"] == 100_000)
            #expect(answer.json["task_ids"]?.arrayValue?.count == 100_000)
            #expect(try await fixture.countTasks() == 102_000)
            print("an upload of 100,000 tasks (\(body.utf8.count >> 20) MiB) took \(growth) MiB at its peak, its sender's included")
            // The sender's copies of the body, and of the answer as values, are some 40 MiB of it; the tasks as values would be 300.
            #expect(growth < 120)
        }
    }

    /// proc(5): "5" resets the peak resident set size.
    private static func forgetPeak() throws { try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8) }

    /// MiB.
    private static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (Int(line?.filter(\.isNumber) ?? "") ?? 0) >> 10
    }
}
