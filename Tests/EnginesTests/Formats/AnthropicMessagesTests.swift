import Domain
import HTTPTypes
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct AnthropicMessagesTests {
    private let format = AnthropicMessages()

    @Test func aConversationIsSaidInItsWords() throws {
        var input = conversation
        input["parallel_tool_calls"] = false
        input["top_k"] = 5
        input["user"] = "u1"
        let sent = try body(format, input, type: .anthropic, streaming: true)
        let expected: JSONValue = [
            "model": "default-model", "top_k": 5, "max_tokens": 50, "system": "Be brief.\n\nBe kind.",
            "messages": [
                [
                    "role": "user",
                    "content": [
                        ["type": "text", "text": "What is this?"],
                        ["type": "image", "source": ["type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="]],
                    ],
                ],
                [
                    "role": "assistant",
                    "content": [
                        ["type": "tool_use", "id": "c1", "name": "look", "input": ["deep": true]],
                        ["type": "tool_use", "id": "c2", "name": "ask", "input": [:]],
                    ],
                ],
                [
                    "role": "user",
                    "content": [
                        ["type": "tool_result", "tool_use_id": "c1", "content": "a cat"],
                        ["type": "tool_result", "tool_use_id": "c2", "content": #"{"answer":42}"#],
                    ],
                ],
                ["role": "user", "content": "So?"],
            ],
            "stop_sequences": ["END"], "metadata": ["user_id": "u1"],
            "tools": [["name": "look", "input_schema": ["type": "object"], "description": "Looks."]],
            "tool_choice": ["type": "auto", "disable_parallel_tool_use": true],
            "output_config": ["format": ["type": "json_schema", "schema": ["type": "object", "properties": [:]]]], "stream": true,
        ]
        #expect(sent == expected)
    }

    @Test func aPromptIsEnough() throws {
        #expect(
            try body(format, ["prompt": "hi", "engine": "e"], type: .anthropic)
                == ["model": "default-model", "max_tokens": 4096, "messages": [["role": "user", "content": "hi"]]])
    }

    @Test func whatItCannotSayIsPermanent() throws {
        let error = #expect(throws: EngineError.self) { try body(format, ["prompt": "hi", "logprobs": true], type: .anthropic) }
        #expect(error?.kind == .permanent)
        #expect(error?.wasSent == false)
        #expect(error?.message == "input_data/logprobs has no counterpart in the format (engines of type 'anthropic')")
    }

    @Test func theKeyAndTheVersionHaveTheirFields() throws {
        var fields = format.fields
        format.authorize(&fields, with: Secret("k"), at: try EngineURL("https://api.anthropic.com/v1"))
        #expect(fields[try #require(HTTPField.Name("x-api-key"))] == "k")
        #expect(fields[try #require(HTTPField.Name("anthropic-version"))] == "2023-06-01")
        #expect(fields[.authorization] == nil)
    }

    private let whole: JSONValue = [
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [
            ["type": "thinking", "thinking": "hm", "signature": "s"], ["type": "text", "text": "Let me look."],
            ["type": "tool_use", "id": "t1", "name": "look", "input": ["deep": true]],
        ],
        "stop_reason": "tool_use", "usage": ["input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 20],
    ]

    private let stream = """
        event: message_start
        data: {"type":"message_start","message":{"id":"msg_1","model":"claude-x","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}

        event: ping
        data: {"type":"ping"}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}

        event: content_block_start
        data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Let me"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" look."}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":1}

        event: content_block_start
        data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"look","input":{}}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"deep\\""}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":true}"}}

        event: something_new
        data: {"type":"something_new"}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}

        event: message_stop
        data: {"type":"message_stop"}


        """

    @Test func aStreamIsTheWholeAnswerInPieces() throws {
        let reply = try format.reply(from: whole)
        #expect(reply.text == "Let me look.")
        #expect(reply.model == "claude-x")
        #expect(reply.finishReason == "tool_calls")
        #expect(reply.usage == TokenUsage(promptTokens: 15, completionTokens: 20))
        #expect(
            reply.extras["tool_calls"]
                == [["id": "t1", "type": "function", "function": ["name": "look", "arguments": #"{"deep":true}"#]]])
        #expect(reply.extras["reasoning"] == "hm")
        #expect(try streamed(format, stream) == reply)
    }

    @Test func aBrokenStreamKnowsItsTextAndTokens() throws {
        let half = try #require(stream.firstRange(of: " look.")).lowerBound
        let error = #expect(throws: EngineError.self) { try streamed(format, String(stream[..<half])) }
        #expect(error?.kind == .unknown)
        #expect(error?.partial == PartialAnswer(text: "Let me", usage: TokenUsage(promptTokens: 15, completionTokens: 1)))
    }

    @Test func anErrorWithinAStreamIsJudgedByWhatHadCome() throws {
        let overloaded = #"data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"# + "\n\n"
        let early = #expect(throws: EngineError.self) { try streamed(format, overloaded) }
        #expect(early?.kind == .refused)
        #expect(early?.message == "the engine broke off: Overloaded")
        let half = try #require(stream.firstRange(of: "event: content_block_stop")).lowerBound
        let late = #expect(throws: EngineError.self) { try streamed(format, stream[..<half] + overloaded) }
        #expect(late?.kind == .passing)
        #expect(late?.partial?.text == "Let me look.")
    }

    @Test(arguments: [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"),
        ("refusal", "content_filter"), ("pause_turn", "pause_turn"),
    ])
    func reasonsHaveOpenAIsNames(reason: String, expected: String) throws {
        let reply = try format.reply(from: ["content": [], "stop_reason": .string(reason)])
        #expect(reply.finishReason == expected)
        #expect((reply.extras["refusal"] != nil) == (reason == "refusal"))
    }

    @Test(arguments: [nil, [], "text", ["content": "x"], ["content": []], ["type": "error", "error": ["message": "no"]]] as [JSONValue])
    func otherAnswersArePassingErrors(body: JSONValue) {
        let error = #expect(throws: EngineError.self) { try format.reply(from: body) }
        #expect(error?.kind == .passing)
    }
}
