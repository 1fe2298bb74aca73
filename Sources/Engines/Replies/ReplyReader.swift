import Domain

/// Reads one streamed answer: bytes in, cut anywhere, a reply out. A machine: the shell that calls an engine feeds it.
struct ReplyReader: Sendable {
    /// Events may be nested deeper than what callers send: schemas come back in tool calls.
    static let limits = JSONLimits(depth: 128)
    /// OpenAI's mark behind the last event; other servers send it too.
    private static let endMark = Array("[DONE]".utf8)

    private var decoder: StreamDecoder
    private let format: any WireFormat
    private var accumulator: any StreamAccumulator
    private var sawEndMark = false
    /// What the next event is compared with before it is parsed.
    private(set) var learned: LearnedEvents

    /// - Parameter learned: what earlier streams of the same engine taught.
    init(_ decoder: StreamDecoder, for format: any WireFormat, learned: LearnedEvents = LearnedEvents()) {
        self.decoder = decoder
        self.format = format
        self.accumulator = format.makeAccumulator()
        self.learned = learned
    }

    mutating func take(_ piece: [UInt8]) throws(EngineError) {
        decoder.append(piece)
        while let event = try skipLearned() {
            if event.elementsEqual(Self.endMark) {
                sawEndMark = true
            } else {
                try parse(event)
            }
        }
    }

    /// Reads events that are known; gives the next one that is not.
    private mutating func skipLearned() throws(EngineError) -> ArraySlice<UInt8>? {
        // Held here meanwhile: the accumulator's type is not known, and each look into it costs more than what is looked for.
        var draft = ReplyDraft()
        swap(&draft, &accumulator.draft)
        defer { swap(&draft, &accumulator.draft) }
        while let event = try decoder.next() {
            guard learned.read(event, into: &draft) else { return event }
        }
        return nil
    }

    private mutating func parse(_ event: ArraySlice<UInt8>) throws(EngineError) {
        let before = accumulator.draft.length
        try accumulator.take(try Self.parse(event))
        learned.learn(event, grew: accumulator.draft.length > before, by: format)
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

    /// All that has been said so far.
    var text: String { accumulator.draft.text }

    /// What has been said so far, as far as it is kept.
    var partial: PartialAnswer? { PartialAnswer(accumulator.draft) }

    static func parse(_ text: ArraySlice<UInt8>) throws(EngineError) -> JSONValue {
        do throws(JSONError) {
            return try text.withUnsafeBufferPointer { text throws(JSONError) in try JSONValue(parsing: text, limits: limits) }
        } catch {
            throw EngineError(.passing, "an event of the answer is not JSON: \(error)")
        }
    }
}
