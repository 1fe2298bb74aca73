/// An event that does the same whenever it comes, but for the piece that it adds to the answer, or the tokens that it counts: the next ones
/// like it are read without a parser. One object for all streams: a value's parts would be counted again at every event.
final class LearnedEvent: Sendable {
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
        let counted = part == nil && alone.usage != nil ? accumulator.counted : []
        let isPlain = part.map { _ in alone.finishReason == nil } ?? (accumulator.isPlain && alone.saysNothing)
        guard isPlain, part != nil || alone.usage == nil || !counted.isEmpty,
            let template = EventTemplate(event, saying: part.map { alone[$0] }, unread: accumulator.unread, counted: counted)
        else { return nil }
        // Not trusted unseen: with other words and numbers in its gaps it must say those, and the rest as before.
        if let part { alone[part] = "other" }
        if !counted.isEmpty { alone.usage = TokenUsage(counts: counted.map { _ in Int(EventTemplate.count) }) }
        guard Self.draft(of: template.filled(with: "other"), by: accumulator) == alone else { return nil }
        if let part { alone[part] = "" }
        if !counted.isEmpty { alone.usage = nil }
        (self.template, self.part, rest) = (template, part, alone)
    }

    /// Adds what `event` says; false, with the draft as it was, for an event that has to be parsed.
    func read(_ event: ArraySlice<UInt8>, into draft: inout ReplyDraft) -> Bool {
        guard rest.model == nil || rest.model == draft.model || part == nil && draft.model == nil,
            rest.usage == nil || rest.usage == draft.usage, let reading = template.reading(of: event)
        else { return false }
        if let part {
            draft[part] += reading.piece
        } else {
            if draft.model == nil { draft.model = rest.model }
            if let reason = rest.finishReason { draft.finishReason = reason }
            if !reading.counts.isEmpty { draft.usage = TokenUsage(counts: reading.counts) }
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

extension TokenUsage {
    /// - Parameter counts: prompt, completion and total.
    fileprivate init(counts: [Int]) {
        self.init(promptTokens: counts[0], completionTokens: counts[1], totalTokens: counts[2])
    }
}
