import Synchronization

/// The events that streams of one engine have taught.
struct LearnedEvents: Sendable {
    /// Looked at of those that bring no piece, in all streams together: an answer's first event, and its last ones. What differs each time is
    /// looked at in vain, and so often at the most.
    private static let mostOthers = 8
    /// Events in a row that taught nothing of use, after which a stream is taken for one whose events have nothing in common.
    private static let patience = 4

    /// The event that answers grow by; the last one that was learned.
    private var growing: LearnedEvent?
    private var others: [LearnedEvent] = []
    private var othersTried = 0
    private var triesInVain = 0
    /// It is more than what earlier streams had taught.
    private(set) var isNew = false

    /// Adds what `event` says; false, with the draft as it was, for an event that has to be parsed.
    mutating func read(_ event: ArraySlice<UInt8>, into draft: inout ReplyDraft) -> Bool {
        if growing?.read(event, into: &draft) == true {
            triesInVain = 0
            return true
        }
        return others.contains { $0.read(event, into: &draft) }
    }

    /// Looks at an event that had to be parsed.
    /// - Parameters:
    ///   - grew: the answer grew by it.
    ///   - format: what the stream is written in.
    mutating func learn(_ event: ArraySlice<UInt8>, grew: Bool, by format: any WireFormat) {
        guard grew ? triesInVain < Self.patience : othersTried < Self.mostOthers else { return }
        let accumulator = format.makeAccumulator()
        if grew {
            triesInVain += 1
        } else {
            guard accumulator.isPlain else { return }
            othersTried += 1
            isNew = true
        }
        guard let lesson = LearnedEvent(Array(event), by: accumulator) else { return }
        if lesson.part != nil { growing = lesson } else { others.append(lesson) }
        isNew = true
    }

    /// For the next stream.
    var kept: LearnedEvents {
        var kept = self
        (kept.isNew, kept.triesInVain) = (false, 0)
        return kept
    }
}

/// Those of one engine: what holds for one stream holds for the next, so that it is learned once.
final class EngineLessons: Sendable {
    private let last = Mutex(LearnedEvents())

    var events: LearnedEvents {
        get { last.withLock { $0 } }
        set { last.withLock { $0 = newValue } }
    }
}
