import Domain
import Testing

@testable import Engines

/// Reads a stream as an engine's answer, its bytes cut into pieces of `size`.
func streamed(_ format: any WireFormat, _ text: String, type: String = "text/event-stream", size: Int = 7) throws -> EngineReply {
    var reader = ReplyReader(try #require(StreamDecoder(contentType: type)), format.makeAccumulator())
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
