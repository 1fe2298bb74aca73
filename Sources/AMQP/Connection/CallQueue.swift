import DequeModule

/// Matches the broker's replies to questions on one channel: they come in the order of the questions.
///
/// A call is a group of questions sent together, so that many cost one round trip.
struct CallQueue {
    struct Result: Equatable {
        let call: Int
        /// What was answered before the call ended.
        let replies: [MethodReply]
    }

    private struct Call {
        let id: Int
        var expected: Deque<UInt32>
        var replies: [MethodReply] = []
    }

    private var calls: Deque<Call> = []

    var isEmpty: Bool { calls.isEmpty }

    /// Starts a call that expects these replies; an empty list would never end and must not be given.
    mutating func begin(_ id: Int, expecting replies: [UInt32]) {
        calls.append(Call(id: id, expected: Deque(replies)))
    }

    enum Action: Equatable {
        case wait
        case finished(Result)
        /// Nobody asked that.
        case violation
    }

    mutating func replied(_ reply: MethodReply) -> Action {
        guard !calls.isEmpty, calls[0].expected.first == reply.id else { return .violation }
        calls[0].expected.removeFirst()
        calls[0].replies.append(reply)
        guard calls[0].expected.isEmpty else { return .wait }
        let call = calls.removeFirst()
        return .finished(Result(call: call.id, replies: call.replies))
    }

    /// The channel was closed: no further reply comes. Returns the unfinished calls.
    mutating func closed() -> [Result] {
        defer { calls.removeAll() }
        return calls.map { Result(call: $0.id, replies: $0.replies) }
    }
}
