/// An event that does the same whenever it comes, but for the piece that it adds to the answer: the next ones like it are read without a
/// parser.
struct LearnedEvent: Sendable {
    private let template: EventTemplate
    /// What it adds a piece to; nil for an event that brings none.
    let part: ReplyDraft.Part?
    /// What else the event says.
    private let rest: ReplyDraft

    /// nil for an event that does more than that, or of which it is not plain.
    /// - Parameter accumulator: one that has taken nothing yet.
    init?(_ event: [UInt8], by accumulator: any StreamAccumulator) {
        guard var alone = Self.draft(of: event, by: accumulator) else { return nil }
        let part = alone.onlyPart
        guard part.map({ _ in alone.finishReason == nil }) ?? (accumulator.isPlain && alone.saysNothing),
            let template = EventTemplate(event, saying: part.map { alone[$0] }, unread: accumulator.unread)
        else { return nil }
        // Not trusted unseen: with other words in its gaps it must say that word, and the rest as before.
        if let part { alone[part] = "other" }
        guard Self.draft(of: template.filled(with: "other"), by: accumulator) == alone else { return nil }
        if let part { alone[part] = "" }
        (self.template, self.part, rest) = (template, part, alone)
    }

    /// Adds what `event` says; false, with the draft as it was, for an event that has to be parsed.
    func read(_ event: ArraySlice<UInt8>, into draft: inout ReplyDraft) -> Bool {
        guard rest.model == nil || rest.model == draft.model || part == nil && draft.model == nil,
            rest.usage == nil || rest.usage == draft.usage, let piece = template.piece(of: event)
        else { return false }
        if let part {
            draft[part] += piece
        } else {
            if draft.model == nil { draft.model = rest.model }
            if let reason = rest.finishReason { draft.finishReason = reason }
        }
        return true
    }

    /// What an event says by itself.
    private static func draft(of event: [UInt8], by accumulator: any StreamAccumulator) -> ReplyDraft? {
        var accumulator = accumulator
        guard let event = try? ReplyReader.parse(event[...]) else { return nil }
        do { try accumulator.take(event) } catch { return nil }
        return accumulator.draft
    }
}
