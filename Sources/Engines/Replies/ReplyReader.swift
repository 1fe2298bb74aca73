import Domain

/// Reads one streamed answer: bytes in, cut anywhere, a reply out. A machine: the shell that calls an engine feeds it.
struct ReplyReader: Sendable {
    /// Events may be nested deeper than what callers send: schemas come back in tool calls.
    static let limits = JSONLimits(depth: 128)
    /// OpenAI's mark behind the last event; other servers send it too.
    private static let endMark = Array("[DONE]".utf8)

    /// Templates in a row that no event met, after which a stream is taken for one whose events have nothing in common.
    private static let patience = 4

    private var decoder: StreamDecoder
    private var accumulator: any StreamAccumulator
    private let pristine: any StreamAccumulator
    private var sawEndMark = false
    /// The last event that was parsed, and what its piece is a piece of.
    private var template: (event: EventTemplate, part: ReplyDraft.Part)?
    private var unmetTemplates = 0

    init(_ decoder: StreamDecoder, _ accumulator: any StreamAccumulator) {
        self.decoder = decoder
        self.accumulator = accumulator
        self.pristine = accumulator
    }

    mutating func take(_ piece: [UInt8]) throws(EngineError) {
        decoder.append(piece)
        while let text = try decoder.next() {
            if text == Self.endMark {
                sawEndMark = true
            } else if let template, let piece = template.event.piece(of: text) {
                accumulator.draft[template.part] += piece
                unmetTemplates = 0
            } else {
                let event = try Self.parse(text)
                try accumulator.take(event)
                learn(event, text)
            }
        }
    }

    /// Keeps an event as the template of the next ones, if all that it does is to add a piece: what else it says it may say again.
    private mutating func learn(_ event: JSONValue, _ text: [UInt8]) {
        template = nil
        guard unmetTemplates < Self.patience, var alone = draft(of: event), let part = alone.onlyPart,
            let candidate = EventTemplate(text, saying: alone[part], unread: accumulator.unread)
        else { return }
        // Not trusted unseen: with another piece it must say that piece, and the rest as before.
        alone[part] = "other"
        guard let other = try? Self.parse(candidate.filled(with: "other")), draft(of: other) == alone else { return }
        template = (candidate, part)
        unmetTemplates += 1
    }

    /// What an event says by itself.
    private func draft(of event: JSONValue) -> ReplyDraft? {
        var accumulator = pristine
        do { try accumulator.take(event) } catch { return nil }
        return accumulator.draft
    }

    /// The reply, once the stream has ended.
    mutating func finish() throws(EngineError) -> EngineReply {
        // A last line that cannot be read is one that was cut off.
        if !isComplete, let text = decoder.last(), let event = try? Self.parse(text) { try accumulator.take(event) }
        guard isComplete else {
            throw EngineError(.unknown, "the stream ended in the middle of the answer", partial: partial)
        }
        guard !accumulator.draft.isEmpty else { throw EngineError(.passing, "the stream ended without an answer") }
        return accumulator.draft.reply
    }

    /// The answer is whole, whatever may become of the connection.
    var isComplete: Bool { sawEndMark || accumulator.isComplete }

    /// What has been said so far.
    var partial: PartialAnswer? { PartialAnswer(accumulator.draft) }

    static func parse(_ text: [UInt8]) throws(EngineError) -> JSONValue {
        do {
            return try JSONValue(parsing: text, limits: limits)
        } catch {
            throw EngineError(.passing, "an event of the answer is not JSON: \(error)")
        }
    }
}
