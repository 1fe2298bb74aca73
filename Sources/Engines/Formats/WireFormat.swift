import Domain
import HTTPTypes

/// How one kind of engine is spoken to: builds requests and reads answers, without I/O. Adding an engine type is adding one of these.
protocol WireFormat: Sendable {
    /// The request for a task's `input_data`; a permanent error if it cannot be said in this format.
    func request(for input: JSONObject, to engine: EngineDefinition) throws(EngineError) -> WireRequest

    /// Reads the body of a 2xx answer.
    func reply(from body: JSONValue) throws(EngineError) -> EngineReply

    /// The engine's own words in the body of an error; nil where there are none.
    func errorMessage(in body: JSONValue) -> String?

    /// Puts the key where this engine looks for it.
    func authorize(_ fields: inout HTTPFields, with secret: Secret)

    /// Path under the base address that answers cheaply and costs nothing.
    var probePath: String { get }
}

/// A POST: path under the engine's base address, and body.
struct WireRequest: Sendable, Hashable {
    var path: String
    var body: [UInt8]
}

/// What an engine said, whatever its format.
struct EngineReply: Sendable, Hashable {
    var text: String
    /// nil where the engine names none.
    var model: String?
    var finishReason: String?
    var usage: TokenUsage
    /// Parts that pass through to `output_data` as they are, such as `tool_calls`.
    var extras: JSONObject = [:]
}
