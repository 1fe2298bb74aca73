import Domain
import Foundation
import Postgres
import Store
import Testing

/// Nothing goes that was not written down before, where that is asked for.
@Suite(.timeLimit(.minutes(2))) struct PruneArchiveTests {
    private static func withEndedTasks(_ count: Int, _ body: (StoreFixture) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            let worker = try await fixture.makeWorker()
            _ = await fixture.submit(count, input: ["prompt": "Lời chào\n\u{1F3B6} \"quoted\""])
            try await fixture.run(try await fixture.admitAll().tasks, worker: worker, tokens: 3)
            try await body(fixture)
        }
    }

    @Test func aTaskIsALineWithAllThatItHad() async throws {
        try await Self.withEndedTasks(45) { fixture in
            let call = try #require(
                try await fixture.database.query("SELECT result_id FROM results ORDER BY 1 LIMIT 1") { try $0.decode(UUID.self) }.first)
            _ = try await fixture.store.addFeedback(
                try NewFeedback(reading: ["rating": 2, "feedback_text": "flat"]), on: call, by: fixture.principal.userID)
            let ids = try await fixture.database.query("SELECT task_id FROM tasks ORDER BY 1") { try $0.decode(UUID.self) }
            let archive = ArchiveInMemory()
            #expect(try await fixture.pruneAll(archive: archive).map(\.tasks) == [45])
            let lines = try archive.lines.map { try JSONValue(parsing: Array($0.utf8)) }
            #expect(lines.map { $0["task"]?["task_id"]?.stringValue } == ids.map(\.text))
            #expect(archive.lines.allSatisfy { !$0.contains("\n") })
            let first = try #require(lines.first)
            #expect(first["task"]?["input_data"]?["prompt"] == "Lời chào\n\u{1F3B6} \"quoted\"")
            #expect(first["task"]?["completed_at"]?.stringValue?.hasSuffix("+00:00") == true)
            let steps = first["history"]?.arrayValue?.compactMap { $0["status_to"]?.stringValue }
            #expect(steps == ["pending", "in_queue", "processing", "completed"])
            #expect(first["results"]?[0]?["token_usage"]?["total_tokens"] == 3)
            let feedback = lines.map { $0["results"]?[0]?["feedback"]?.arrayValue?.compactMap { $0["feedback_text"]?.stringValue } }
            #expect(feedback.count(where: { $0 == [] }) == 44 && feedback.contains(["flat"]))
            #expect(lines.first { $0["results"]?[0]?["result_id"]?.stringValue == call.text }?["results"]?[0]?["feedback"]?[0] != nil)
            #expect(archive.seals == 1)
        }
    }

    @Test func whatCannotBeWrittenStays() async throws {
        try await Self.withEndedTasks(3) { fixture in
            let archive = ArchiveInMemory(isFull: true)
            await #expect(throws: ArchiveInMemory.Full.self) { try await fixture.pruneAll(archive: archive) }
            let left = try await fixture.rows("tasks")
            #expect(left == 3)
            let broken = try await fixture.broken()
            #expect(broken.isEmpty)
        }
    }
}
