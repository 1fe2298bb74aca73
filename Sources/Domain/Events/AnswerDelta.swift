public import FoundationEssentials

/// A piece of an answer while an engine gives it.
///
/// It may be lost, and it is nowhere kept: what counts is the task's output in the end. Readers put the pieces of one attempt and engine
/// together by their offsets.
public struct AnswerDelta: Sendable, Hashable {
    public var taskID: UUID
    public var attempt: Int
    public var engine: String
    /// Where it begins in the answer's text, in Unicode code points.
    public var offset: Int
    public var text: String

    public init(taskID: UUID, attempt: Int, engine: String, offset: Int, text: String) {
        self.taskID = taskID
        self.attempt = attempt
        self.engine = engine
        self.offset = offset
        self.text = text
    }

    public var json: JSONValue {
        .object([
            "task_id": .string(taskID.text), "attempt": .number(JSONNumber(attempt)),
            "engine": .string(engine),
            "offset": .number(JSONNumber(offset)), "text": .string(text),
        ])
    }

    /// nil for what is none.
    public init?(json text: String) {
        guard let value = try? JSONValue(parsing: Array(text.utf8)),
            let taskID = value["task_id"]?.stringValue.flatMap(UUID.init(text:)),
            let attempt = value["attempt"]?.intValue,
            let engine = value["engine"]?.stringValue, let offset = value["offset"]?.intValue,
            offset >= 0,
            let text = value["text"]?.stringValue
        else { return nil }
        self.init(taskID: taskID, attempt: attempt, engine: engine, offset: offset, text: text)
    }

    /// The same in pieces of so many code points at most.
    public func pieces(of length: Int) -> [AnswerDelta] {
        var pieces: [AnswerDelta] = []
        var rest = Substring(text).unicodeScalars
        var offset = offset
        while !rest.isEmpty {
            let piece = rest.prefix(length)
            pieces.append(
                AnswerDelta(
                    taskID: taskID, attempt: attempt, engine: engine, offset: offset, text: String(piece)))
            offset += piece.count
            rest = rest.dropFirst(length)
        }
        return pieces
    }
}

/// How far one reader has an answer: takes out of each piece what it has not had, since whoever begins to read is sent the text from its
/// beginning, and others see that too.
public struct DeltaCursor: Sendable, Hashable {
    /// Engines of one task whose answers are told apart.
    private static let engines = 64

    private var attempt = 0
    private var ends: [String: Int] = [:]

    public init() {}

    /// What of it is new; nil where nothing is.
    public mutating func take(_ delta: AnswerDelta) -> AnswerDelta? {
        guard delta.attempt >= attempt else { return nil }
        if delta.attempt > attempt {
            attempt = delta.attempt
            ends = [:]
        }
        let begin = ends[delta.engine] ?? 0
        guard ends[delta.engine] != nil || ends.count < Self.engines else { return nil }
        let scalars = delta.text.unicodeScalars
        let end = delta.offset + scalars.count
        guard end > begin else { return nil }
        ends[delta.engine] = end
        guard delta.offset < begin else { return delta }
        var rest = delta
        rest.offset = begin
        rest.text = String(String.UnicodeScalarView(scalars.dropFirst(begin - delta.offset)))
        return rest
    }
}
