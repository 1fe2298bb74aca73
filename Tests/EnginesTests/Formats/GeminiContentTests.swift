import Domain
import HTTPTypes
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct GeminiContentTests {
    private let format = GeminiContent()

    @Test func aConversationIsSaidInItsWords() throws {
        var input = conversation
        input["temperature"] = 0.5
        input["logprobs"] = true
        input["top_logprobs"] = 3
        input["safetySettings"] = []
        let sent = try body(format, input, type: .gemini, streaming: true)
        let expected: JSONValue = [
            "safetySettings": [],
            "contents": [
                [
                    "role": "user",
                    "parts": [["text": "What is this?"], ["inlineData": ["mimeType": "image/png", "data": "iVBORw0KGgo="]]],
                ],
                [
                    "role": "model",
                    "parts": [
                        ["functionCall": ["name": "look", "args": ["deep": true]]], ["functionCall": ["name": "ask", "args": [:]]],
                    ],
                ],
                [
                    "role": "user",
                    "parts": [
                        ["functionResponse": ["name": "look", "response": ["result": "a cat"]]],
                        ["functionResponse": ["name": "ask", "response": ["answer": 42]]],
                    ],
                ],
                ["role": "user", "parts": [["text": "So?"]]],
            ],
            "systemInstruction": ["parts": [["text": "Be brief.\n\nBe kind."]]],
            "tools": [
                ["functionDeclarations": [["name": "look", "description": "Looks.", "parametersJsonSchema": ["type": "object"]]]]
            ],
            "toolConfig": ["functionCallingConfig": ["mode": "AUTO"]],
            "generationConfig": [
                "temperature": 0.5, "maxOutputTokens": 50, "stopSequences": ["END"], "responseLogprobs": true, "logprobs": 3,
                "responseMimeType": "application/json", "responseJsonSchema": ["type": "object", "properties": [:]],
            ],
        ]
        #expect(sent == expected)
    }

    @Test func aPromptIsEnough() throws {
        #expect(try body(format, ["prompt": "hi"], type: .gemini) == ["contents": [["role": "user", "parts": [["text": "hi"]]]]])
    }

    @Test(arguments: [
        ("gemini-2.5-flash", "/models/gemini-2.5-flash"), ("models/gemini-2.5-flash", "/models/gemini-2.5-flash"),
        ("tunedModels/mine", "/tunedModels/mine"), ("a/../b?key=x", "/models/a%2F..%2Fb%3Fkey%3Dx"), ("\u{1}é", "/models/%01%C3%A9"),
    ])
    func aModelsNameLeadsNowhereElse(model: String, path: String) {
        #expect(GeminiContent.path(model: model, streaming: false) == path + ":generateContent")
        #expect(GeminiContent.path(model: model, streaming: true) == path + ":streamGenerateContent?alt=sse")
    }

    @Test func theKeyHasItsField() throws {
        var fields = format.fields
        format.authorize(&fields, with: Secret("k"), at: try EngineURL("https://generativelanguage.googleapis.com/v1beta"))
        #expect(fields == [try #require(HTTPField.Name("x-goog-api-key")): "k"])
    }

    @Test func aStreamIsTheWholeAnswerInPieces() throws {
        let whole: JSONValue = [
            "candidates": [
                [
                    "content": [
                        "role": "model",
                        "parts": [
                            ["text": "hm", "thought": true], ["text": "Let me look."],
                            ["functionCall": ["name": "look", "args": ["deep": true]], "thoughtSignature": "sig"],
                        ],
                    ], "finishReason": "STOP",
                    "logprobsResult": [
                        "chosenCandidates": [["token": "Let", "logProbability": -0.5]],
                        "topCandidates": [["candidates": [["token": "Let", "logProbability": -0.5]]]],
                    ],
                ]
            ],
            "usageMetadata": ["promptTokenCount": 10, "candidatesTokenCount": 15, "thoughtsTokenCount": 5, "totalTokenCount": 30],
            "modelVersion": "gemini-x",
        ]
        let reply = try format.reply(from: whole)
        #expect(reply.text == "Let me look.")
        #expect(reply.finishReason == "tool_calls")
        #expect(reply.usage == TokenUsage(promptTokens: 10, completionTokens: 20, totalTokens: 30))
        #expect(
            reply.extras["tool_calls"] == [
                [
                    "id": "call_0", "type": "function", "function": ["name": "look", "arguments": #"{"deep":true}"#],
                    "extra_content": ["google": ["thought_signature": "sig"]],
                ]
            ])
        #expect(
            reply.extras["logprobs"] == [
                "content": [["token": "Let", "logprob": -0.5, "top_logprobs": [["token": "Let", "logprob": -0.5]]]]
            ])
        let events: [JSONValue] = [
            ["candidates": [["content": ["parts": [["text": "hm", "thought": true]]]]], "usageMetadata": ["promptTokenCount": 10]],
            [
                "candidates": [
                    [
                        "content": ["parts": [["text": "Let me"]]],
                        "logprobsResult": [
                            "chosenCandidates": [["token": "Let", "logProbability": -0.5]],
                            "topCandidates": [["candidates": [["token": "Let", "logProbability": -0.5]]]],
                        ],
                    ]
                ], "usageMetadata": ["promptTokenCount": 10, "candidatesTokenCount": 2], "modelVersion": "gemini-x",
            ],
            [
                "candidates": [
                    [
                        "content": [
                            "parts": [
                                ["text": " look."],
                                ["functionCall": ["name": "look", "args": ["deep": true]], "thoughtSignature": "sig"],
                            ]
                        ], "finishReason": "STOP",
                    ]
                ],
                "usageMetadata": ["promptTokenCount": 10, "candidatesTokenCount": 15, "thoughtsTokenCount": 5, "totalTokenCount": 30],
                "modelVersion": "gemini-x",
            ],
        ]
        let stream = events.map { "data: \($0.text)\r\n\r\n" }
        #expect(try streamed(format, stream.joined()) == reply)
        let error = #expect(throws: EngineError.self) { try streamed(format, stream.prefix(2).joined()) }
        #expect(error?.kind == .unknown)
        #expect(error?.partial == PartialAnswer(text: "Let me", usage: TokenUsage(promptTokens: 10, completionTokens: 2)))
    }

    @Test func aSignatureGoesBackWithItsCall() throws {
        let input: JSONObject = [
            "messages": [
                [
                    "role": "assistant",
                    "tool_calls": [
                        [
                            "id": "c", "function": ["name": "f", "arguments": "{}"],
                            "extra_content": ["google": ["thought_signature": "sig"]],
                        ]
                    ],
                ]
            ]
        ]
        let sent = try body(format, input, type: .gemini)
        #expect(sent["contents"]?[0]?["parts"]?[0]?["thoughtSignature"] == "sig")
    }

    @Test func aBlockedPromptIsARefusal() throws {
        let reply = try format.reply(from: ["promptFeedback": ["blockReason": "SAFETY"], "usageMetadata": ["promptTokenCount": 3]])
        #expect(reply.finishReason == "content_filter")
        #expect(reply.extras["refusal"] == "The prompt was blocked: SAFETY.")
        #expect(reply.usage.promptTokens == 3)
    }

    @Test(arguments: [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"),
    ])
    func reasonsHaveOpenAIsNames(reason: String, expected: String) throws {
        #expect(try format.reply(from: ["candidates": [["finishReason": .string(reason)]]]).finishReason == expected)
    }

    @Test(
        arguments: [nil, [], "text", ["candidates": []], ["candidates": [["content": [:]]]], ["error": ["message": "no"]]] as [JSONValue])
    func otherAnswersArePassingErrors(body: JSONValue) {
        let error = #expect(throws: EngineError.self) { try format.reply(from: body) }
        #expect(error?.kind == .passing)
    }
}
