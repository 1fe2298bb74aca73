import Domain
import HTTPTypes

/// How one kind of engine is spoken to: builds requests and reads answers, without I/O. Adding an engine type is adding one of these.
///
/// Tasks are written in the terms of OpenAI's chat completions, and answers are read into them, whatever the engine: a caller who changes
/// the engine changes nothing else.
protocol WireFormat: Sendable {
    /// The request for a task's `input_data`; a permanent error if it cannot be said in this format.
    func request(for input: JSONObject, to engine: EngineDefinition, streaming: Bool) throws(EngineError) -> WireRequest

    /// Reads the body of a 2xx answer that came in one piece.
    func reply(from body: JSONValue) throws(EngineError) -> EngineReply

    /// Reads a 2xx answer that comes event by event.
    func makeAccumulator() -> any StreamAccumulator

    /// The request for vectors. Engines of a format without any are refused before, by ``EmbeddingRequest``.
    func request(for embedding: EmbeddingRequest) -> WireRequest

    /// Reads the vectors of a 2xx answer, in the order of the texts.
    func vectors(from body: JSONValue) throws(EngineError) -> EmbeddingReply

    /// What an error's body says; nil for a body that is no error.
    func complaint(in body: JSONValue) -> EngineComplaint?

    /// What errors mean, first match first; what none of them matches is judged by its status alone.
    var errorRules: [ErrorRule] { get }

    /// Puts the key where this engine looks for it.
    func authorize(_ fields: inout HTTPFields, with secret: Secret, at url: EngineURL)

    /// Fields that every request carries.
    var fields: HTTPFields { get }

    /// Path under the base address that answers cheaply and costs nothing.
    var probePath: String { get }
}

extension WireFormat {
    /// Throws where a 2xx answer is an error all the same.
    func refuseComplaint(in body: JSONValue) throws(EngineError) {
        guard let complaint = complaint(in: body) else { return }
        throw EngineError(
            errorRules.kind(of: complaint, status: nil), "the engine answered 200 with an error: \(complaint.message)", wasSent: true)
    }
}

extension WireFormat {
    var fields: HTTPFields { [:] }
}

/// A POST: path under the engine's base address, and body.
struct WireRequest: Sendable, Hashable {
    var path: String
    var body: [UInt8]
}

/// Builds a reply from the events of a stream. A machine: it knows at any moment what has been said so far.
protocol StreamAccumulator: Sendable {
    /// Takes the next event. An error that the engine tells within its stream is thrown.
    mutating func take(_ event: JSONValue) throws(EngineError)

    /// What has been said so far.
    var draft: ReplyDraft { get set }

    /// Members of events that are never read, and differ from event to event.
    var unread: [String] { get }

    /// Members of events that say how many tokens the prompt, the answer and both together took; empty where that is said otherwise. What such
    /// an event counts takes the place of what was counted before.
    var counted: [String] { get }

    /// Its draft is all that it remembers; an event that brings no part of the answer names the model, where none is known yet, why the
    /// answer ends, and what was counted.
    var isPlain: Bool { get }

    /// The engine has said that nothing more will come; without it, a stream that ends was cut off.
    var isComplete: Bool { get }
}

extension StreamAccumulator {
    var unread: [String] { [] }
    var counted: [String] { [] }
    var isPlain: Bool { false }
}
