import Foundation
import Testing

@testable import Domain

/// Pieces of an answer, and how readers put them together.
@Suite(.timeLimit(.minutes(1))) struct AnswerDeltaTests {
    private static let task = UUID()

    private func delta(_ offset: Int, _ text: String, attempt: Int = 1, engine: String = "a") -> AnswerDelta {
        AnswerDelta(taskID: Self.task, attempt: attempt, engine: engine, offset: offset, text: text)
    }

    @Test func travelsAsJSON() {
        let whole = delta(3, "\"xin chào\"\n\u{0}👋🏽")
        #expect(AnswerDelta(json: whole.json.text) == nil, "no text of PostgreSQL's holds NUL, and none of ours")
        let sound = delta(3, "\"xin chào\"\n👋🏽")
        #expect(AnswerDelta(json: sound.json.text) == sound)
        for text in ["", "{}", "[1]", "{\"task_id\":\"x\"}"] { #expect(AnswerDelta(json: text) == nil) }
    }

    @Test func isCutIntoPiecesThatFit() {
        let whole = delta(10, String(repeating: "\u{1}👋🏽", count: 1_000))
        let pieces = whole.pieces(of: 1_200)
        #expect(pieces.map(\.text).joined() == whole.text)
        #expect(pieces.allSatisfy { $0.json.text.utf8.count < 8_000 })
        var cursor = DeltaCursor()
        _ = cursor.take(delta(0, "0123456789"))
        #expect(pieces.compactMap { cursor.take($0)?.text }.joined() == whole.text)
        #expect(delta(0, "").pieces(of: 5).isEmpty)
    }

    @Test func eachReaderGetsEachPieceOnce() {
        var cursor = DeltaCursor()
        #expect(cursor.take(delta(0, "Hello"))?.text == "Hello")
        // Another reader came, and the text is sent from its beginning.
        #expect(cursor.take(delta(0, "Hel")) == nil)
        #expect(cursor.take(delta(3, "lo wor")) == delta(5, " wor"))
        #expect(cursor.take(delta(0, "Hello world")) == delta(9, "ld"))
        // Something was lost: the offset says so.
        #expect(cursor.take(delta(20, "end")) == delta(20, "end"))
        // Another engine of the same race; another attempt; an attempt that is over.
        #expect(cursor.take(delta(0, "Other", engine: "b"))?.text == "Other")
        #expect(cursor.take(delta(0, "Again", attempt: 2))?.text == "Again")
        #expect(cursor.take(delta(9, "late", attempt: 1)) == nil)
    }
}
