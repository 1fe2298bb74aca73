import Domain

/// Reads one streamed answer: bytes in, cut anywhere, a reply out. A machine: the shell that calls an engine feeds it.
struct ReplyReader: Sendable {
    /// Events may be nested deeper than what callers send: schemas come back in tool calls.
    static let limits = JSONLimits(depth: 128)
    /// OpenAI's mark behind the last event; other servers send it too.
    private static let endMark = Array("[DONE]".utf8)

    private var decoder: StreamDecoder
    private var accumulator: any StreamAccumulator
    private var sawEndMark = false

    init(_ decoder: StreamDecoder, _ accumulator: any StreamAccumulator) {
        self.decoder = decoder
        self.accumulator = accumulator
    }

    mutating func take(_ piece: [UInt8]) throws(EngineError) {
        decoder.append(piece)
        while let text = try decoder.next() {
            if text == Self.endMark {
                sawEndMark = true
            } else {
                try accumulator.take(try Self.parse(text))
            }
        }
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

    private static func parse(_ text: [UInt8]) throws(EngineError) -> JSONValue {
        do {
            return try JSONValue(parsing: text, limits: limits)
        } catch {
            throw EngineError(.passing, "an event of the answer is not JSON: \(error)")
        }
    }
}
