import Domain
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct OllamaChatTests {
    private let format = OllamaChat()

    @Test func aConversationIsSaidInItsWords() throws {
        var input = conversation
        input["temperature"] = 0.5
        input["options"] = ["num_ctx": 4096]
        input["keep_alive"] = "5m"
        input["logprobs"] = true
        let sent = try body(format, input, type: .ollama, streaming: true)
        let expected: JSONValue = [
            "model": "default-model",
            "messages": [
                ["role": "system", "content": "Be brief."], ["role": "system", "content": "Be kind."],
                ["role": "user", "content": "What is this?", "images": ["iVBORw0KGgo="]],
                [
                    "role": "assistant", "content": "",
                    "tool_calls": [
                        ["function": ["name": "look", "arguments": ["deep": true]]], ["function": ["name": "ask", "arguments": [:]]],
                    ],
                ],
                ["role": "tool", "content": "a cat", "tool_name": "look"],
                ["role": "tool", "content": #"{"answer":42}"#, "tool_name": "ask"], ["role": "user", "content": "So?"],
            ],
            "keep_alive": "5m", "logprobs": true, "options": ["num_ctx": 4096, "temperature": 0.5, "stop": ["END"], "num_predict": 50],
            "format": ["type": "object", "properties": [:]],
            "tools": [["type": "function", "function": ["name": "look", "description": "Looks.", "parameters": ["type": "object"]]]],
            "stream": true,
        ]
        #expect(sent == expected)
    }

    @Test func itIsToldNotToStream() throws {
        let sent = try body(format, ["prompt": "hi", "response_format": ["type": "json_object"]], type: .ollama)
        #expect(
            sent == [
                "model": "default-model", "messages": [["role": "user", "content": "hi"]], "format": "json", "stream": false,
            ])
    }

    @Test func aStreamIsTheWholeAnswerInPieces() throws {
        let whole: JSONValue = [
            "model": "m", "done": true, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 20,
            "message": [
                "role": "assistant", "content": "Let me look.", "thinking": "hm",
                "tool_calls": [["function": ["name": "look", "arguments": ["deep": true]]]],
            ], "logprobs": [["token": "Let", "logprob": -0.5]],
        ]
        let reply = try format.reply(from: whole)
        #expect(reply.finishReason == "tool_calls")
        #expect(reply.usage == TokenUsage(promptTokens: 10, completionTokens: 20))
        #expect(reply.extras["reasoning"] == "hm")
        let lines = [
            #"{"model":"m","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
            #"{"model":"m","message":{"content":"Let me"},"done":false,"logprobs":[{"token":"Let","logprob":-0.5}]}"#,
            #"{"message":{"content":" look.","tool_calls":[{"function":{"name":"look","arguments":{"deep":true}}}]},"done":false}"#,
            #"{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":10,"eval_count":20}"#,
        ]
        let type = "application/x-ndjson"
        #expect(try streamed(format, lines.joined(separator: "\n") + "\n", type: type) == reply)
        #expect(try streamed(format, lines.joined(separator: "\r\n"), type: type) == reply, "the last line needs no end")
        let broken = #expect(throws: EngineError.self) { try streamed(format, lines[0] + "\n" + lines[1] + "\n", type: type) }
        #expect(broken?.kind == .unknown)
        #expect(broken?.partial == PartialAnswer(text: "Let me", usage: nil))
        let cut = #expect(throws: EngineError.self) { try streamed(format, lines[1] + "\n" + lines[2].prefix(20), type: type) }
        #expect(cut?.kind == .unknown)
        let failed = #expect(throws: EngineError.self) {
            try streamed(format, lines[1] + "\n" + #"{"error":"an error was encountered"}"#, type: type)
        }
        #expect(failed?.kind == .passing)
        #expect(failed?.message == "the engine broke off: an error was encountered")
        #expect(failed?.partial?.text == "Let me")
    }

    @Test(arguments: [nil, [], "text", ["done": true], ["message": [:]], ["error": "no"]] as [JSONValue])
    func otherAnswersArePassingErrors(body: JSONValue) {
        let error = #expect(throws: EngineError.self) { try format.reply(from: body) }
        #expect(error?.kind == .passing)
    }
}
