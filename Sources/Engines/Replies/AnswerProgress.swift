import Synchronization

/// What one call has brought so far, for somebody who reads along: nothing is kept, or copied, while nobody does.
public final class AnswerProgress: Sendable {
    /// A piece of the text, and where it begins, in Unicode code points.
    public struct Piece: Sendable, Hashable {
        public var offset: Int
        public var text: String
    }

    private struct State {
        /// Bytes of the text that were looked at.
        var seen = 0
        /// Code points that were handed out.
        var taken = 0
        var pending = ""
    }

    /// Bytes that wait to be taken; what is more is left out of what is read along.
    private static let limit = 256 << 10

    private let wanted = Atomic(false)
    private let state = Mutex(State())

    public init() {}

    var isWanted: Bool { wanted.load(ordering: .relaxed) }

    /// Somebody begins to read: with the next piece comes everything from the beginning.
    public func want() {
        state.withLock { $0 = State() }
        wanted.store(true, ordering: .relaxed)
    }

    /// Nobody reads any more.
    public func leave() { wanted.store(false, ordering: .relaxed) }

    /// - Parameter text: all that has been said.
    func note(_ text: String) {
        guard isWanted else { return }
        state.withLock { state in
            let utf8 = text.utf8
            guard utf8.count > state.seen else { return }
            // A text grows by whole characters' bytes: what is new begins where one does.
            let new = text[utf8.index(utf8.startIndex, offsetBy: state.seen)...]
            state.seen = utf8.count
            if state.pending.utf8.count < Self.limit { state.pending += new }
        }
    }

    /// What came since the last time; nil for nothing.
    public func take() -> Piece? {
        state.withLock { state in
            guard !state.pending.isEmpty else { return nil }
            let piece = Piece(offset: state.taken, text: state.pending)
            state.taken += state.pending.unicodeScalars.count
            state.pending = ""
            return piece
        }
    }
}
