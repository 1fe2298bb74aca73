import Domain
import Testing

@testable import Engines

/// Reads a stream as an engine's answer, its bytes cut into pieces of `size`.
func streamed(_ format: any WireFormat, _ text: String, type: String = "text/event-stream", size: Int = 7) throws -> EngineReply {
    var reader = ReplyReader(try #require(StreamDecoder(contentType: type)), for: format)
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
        try reader.take(Array(bytes[start..<min(start + size, bytes.count)]))
    }
    return try reader.finish()
}

/// The body of a request, read back.
func body(_ format: any WireFormat, _ input: JSONObject, type: EngineType, streaming: Bool = false) throws -> JSONValue {
    let engine = EngineDefinition(name: "e", engineType: type, baseURL: try EngineURL("http://127.0.0.1:1/v1"), model: "default-model")
    return try JSONValue(parsing: format.request(for: input, to: engine, streaming: streaming).body)
}

/// A conversation with instructions, a picture, tools, and what came of them.
let conversation: JSONObject = [
    "messages": [
        ["role": "system", "content": "Be brief."],
        ["role": "developer", "content": "Be kind."],
        [
            "role": "user",
            "content": [
                ["type": "text", "text": "What is this?"],
                ["type": "image_url", "image_url": ["url": "data:image/png;base64,iVBORw0KGgo="]],
            ],
        ],
        [
            "role": "assistant", "content": nil,
            "tool_calls": [
                ["id": "c1", "type": "function", "function": ["name": "look", "arguments": #"{"deep":true}"#]],
                ["id": "c2", "type": "function", "function": ["name": "ask", "arguments": "{}"]],
            ],
        ],
        ["role": "tool", "tool_call_id": "c1", "content": "a cat"],
        ["role": "tool", "tool_call_id": "c2", "content": #"{"answer":42}"#],
        ["role": "user", "content": "So?"],
    ],
    "tools": [["type": "function", "function": ["name": "look", "description": "Looks.", "parameters": ["type": "object"]]]],
    "tool_choice": "auto", "max_tokens": 50, "stop": "END",
    "response_format": ["type": "json_schema", "json_schema": ["name": "a", "schema": ["type": "object", "properties": [:]]]],
    "strategy": "fallback", "stream": true,
]

/// Streams as results, so that they can be compared.
enum StreamedReply {
    /// As a call reads it that comes after others.
    static func read(
        _ format: any WireFormat, _ type: String, _ pieces: [[UInt8]], learned: inout LearnedEvents
    ) -> Result<EngineReply, EngineError> {
        guard let decoder = StreamDecoder(contentType: type) else { return .failure(EngineError(.permanent, type)) }
        var reader = ReplyReader(decoder, for: format, learned: learned)
        defer { learned = reader.learned.kept }
        do {
            for piece in pieces { try reader.take(piece) }
            return .success(try reader.finish())
        } catch {
            return .failure(error)
        }
    }

    /// With each event parsed, whatever the one before it was: what `ReplyReader` must be equal to.
    static func readEachEvent(_ format: any WireFormat, _ type: String, _ pieces: [[UInt8]]) -> Result<EngineReply, EngineError> {
        guard var decoder = StreamDecoder(contentType: type) else { return .failure(EngineError(.permanent, type)) }
        var accumulator = format.makeAccumulator()
        var sawEndMark = false
        do throws(EngineError) {
            for piece in pieces {
                decoder.append(piece)
                while let event = try decoder.next() {
                    if event.elementsEqual("[DONE]".utf8) {
                        sawEndMark = true
                    } else {
                        try accumulator.take(try ReplyReader.parse(event))
                    }
                }
            }
            if !sawEndMark, !accumulator.isComplete, let event = decoder.last(), let value = try? ReplyReader.parse(event) {
                try accumulator.take(value)
            }
            guard sawEndMark || accumulator.isComplete else {
                let partial = PartialAnswer(accumulator.draft)
                throw EngineError(.unknown, "the stream ended in the middle of the answer", partial: partial)
            }
            guard !accumulator.draft.isEmpty else { throw EngineError(.passing, "the stream ended without an answer") }
            return .success(accumulator.draft.reply)
        } catch {
            return .failure(error)
        }
    }
}
