import Synchronization

/// An event that does nothing but add a piece to the answer: the next ones like it are read without a parser.
///
/// What holds for one stream holds for the next of the same engine, so that it is learned once.
struct LearnedEvent: Sendable {
    private let template: EventTemplate
    private let part: ReplyDraft.Part
    /// What else the event says: a draft that says the same is not changed by it.
    private let rest: ReplyDraft

    /// nil for an event that does more than that, or of which it is not plain.
    /// - Parameter accumulator: one that has taken nothing yet.
    init?(_ event: [UInt8], by accumulator: any StreamAccumulator) {
        guard var alone = Self.draft(of: event, by: accumulator), let part = alone.onlyPart, alone.finishReason == nil,
            let template = EventTemplate(event, saying: alone[part], unread: accumulator.unread)
        else { return nil }
        // Not trusted unseen: with other words in its gaps it must say that word, and the rest as before.
        alone[part] = "other"
        guard Self.draft(of: template.filled(with: "other"), by: accumulator) == alone else { return nil }
        alone[part] = ""
        (self.template, self.part, rest) = (template, part, alone)
    }

    /// Adds what `event` says; false, with the draft as it was, for an event that has to be parsed.
    func read(_ event: [UInt8], into draft: inout ReplyDraft) -> Bool {
        guard rest.model == nil || rest.model == draft.model, rest.usage == nil || rest.usage == draft.usage,
            let piece = template.piece(of: event)
        else { return false }
        draft[part] += piece
        return true
    }

    /// What an event says by itself.
    private static func draft(of event: [UInt8], by accumulator: any StreamAccumulator) -> ReplyDraft? {
        var accumulator = accumulator
        guard let event = try? ReplyReader.parse(event) else { return nil }
        do { try accumulator.take(event) } catch { return nil }
        return accumulator.draft
    }
}

/// What the streams of one engine have taught.
final class LearnedEvents: Sendable {
    private let last = Mutex<LearnedEvent?>(nil)

    var event: LearnedEvent? {
        get { last.withLock { $0 } }
        set { last.withLock { $0 = newValue } }
    }
}
