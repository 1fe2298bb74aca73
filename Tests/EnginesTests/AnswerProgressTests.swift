import Testing

@testable import Engines

/// What somebody sees who reads along: everything once they ask, in order, and nothing before.
@Suite(.timeLimit(.minutes(1))) struct AnswerProgressTests {
    @Test func nothingIsKeptWhileNobodyReads() {
        let progress = AnswerProgress()
        progress.note("Hello")
        #expect(progress.take() == nil)
        progress.want()
        #expect(progress.take() == nil)
        progress.note("Hello wörld")
        #expect(progress.take() == AnswerProgress.Piece(offset: 0, text: "Hello wörld"))
        progress.note("Hello wörld")
        #expect(progress.take() == nil)
        progress.note("Hello wörld 👋🏽!")
        #expect(progress.take() == AnswerProgress.Piece(offset: 11, text: " 👋🏽!"))
        progress.leave()
        progress.note("Hello wörld 👋🏽! More")
        #expect(progress.take() == nil)
    }

    @Test func whoBeginsAnewGetsAllOfIt() {
        let progress = AnswerProgress()
        progress.want()
        progress.note("one ")
        _ = progress.take()
        progress.want()
        progress.note("one two")
        #expect(progress.take() == AnswerProgress.Piece(offset: 0, text: "one two"))
    }
}
