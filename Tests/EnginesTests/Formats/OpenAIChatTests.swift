import Domain
import HTTPTypes
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct OpenAIChatTests {
    private let engine: EngineDefinition

    init() throws {
        let address = try EngineURL("http://127.0.0.1:1/v1")
        engine = EngineDefinition(name: "local", baseURL: address, model: "default-model")
    }

    private func body(_ input: JSONObject) throws -> JSONValue {
        try JSONValue(parsing: OpenAIChat().request(for: input, to: engine, streaming: false).body)
    }

    @Test func aPromptBecomesAMessage() throws {
        #expect(
            try body(["prompt": "hi", "engine": "local", "strategy": "race", "engines": ["a"], "stream": true])
                == ["model": "default-model", "messages": [["role": "user", "content": "hi"]]])
    }

    @Test func whatChorusDoesNotKnowPassesThrough() throws {
        let input: JSONObject = [
            "messages": [["role": "system", "content": "x"]], "model": "m", "max_tokens": 5, "temperature": 0.5,
            "response_format": ["type": "json_object"], "seed": 7,
        ]
        let sent = try body(input)
        #expect(sent["model"] == "m")
        for key in ["messages", "max_tokens", "temperature", "response_format", "seed"] { #expect(sent[key] == input[key]) }
    }

    @Test func aStreamIsAskedForWithItsUsage() throws {
        let request = try OpenAIChat().request(for: ["prompt": "hi", "stream": false], to: engine, streaming: true)
        let body = try JSONValue(parsing: request.body)
        #expect(body["stream"] == true)
        #expect(body["stream_options"] == ["include_usage": true])
    }

    @Test func azureFindsItsKeyToo() throws {
        var fields: HTTPFields = [:]
        OpenAIChat().authorize(&fields, with: Secret("k"), at: try EngineURL("https://mine.openai.azure.com/openai/v1"))
        #expect(fields[.authorization] == "Bearer k")
        #expect(fields[try #require(HTTPField.Name("api-key"))] == "k")
        var others: HTTPFields = [:]
        OpenAIChat().authorize(&others, with: Secret("k"), at: engine.baseURL)
        #expect(others.count == 1)
        // Its older addresses name a deployment, and want a version with every request.
        let address = "https://mine.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21"
        let url = try EngineURL(address)
        #expect(url.path(of: "/chat/completions") == "/openai/deployments/gpt/chat/completions?api-version=2024-10-21")
        #expect(url.path(of: "/models?limit=1") == "/openai/deployments/gpt/models?limit=1&api-version=2024-10-21")
        #expect("\(url)" == address)
        for query in ["?key=sk-secret", "?api-version=1&key=sk-secret", "?api-version=", "?api-version=1#x", "#api-version=1"] {
            #expect(throws: EngineURL.Malformed.self) { try EngineURL("https://mine.openai.azure.com/openai\(query)") }
        }
    }

    @Test func aStreamIsTheWholeAnswerInPieces() throws {
        let stream = """
            data: {"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

            data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"hel"},"logprobs":{"content":[{"token":"hel","logprob":-0.5}]}}]}

            data: {"choices":[{"index":1,"delta":{"content":"another choice"}},{"index":0,"delta":{"content":"lo"}}]}

            data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]}

            data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\""}}]}}]}

            data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]}

            data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}

            data: [DONE]


            """
        let whole: JSONValue = [
            "model": "m-1",
            "choices": [
                [
                    "message": [
                        "content": "hello",
                        "tool_calls": [["id": "c1", "type": "function", "function": ["name": "f", "arguments": #"{"a":1}"#]]],
                    ], "logprobs": ["content": [["token": "hel", "logprob": -0.5]]], "finish_reason": "tool_calls",
                ]
            ], "usage": ["prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5],
        ]
        #expect(try streamed(OpenAIChat(), stream) == OpenAIChat().reply(from: whole))
    }

    @Test func aServerWithoutAReasonEndsWithTheMark() throws {
        let reply = try streamed(OpenAIChat(), "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n")
        #expect(reply.text == "x")
        #expect(reply.finishReason == nil)
    }

    @Test(arguments: [JSONObject(), ["messages": []], ["messages": "hi"], ["prompt": 7]] as [JSONObject])
    func inputWithoutWordsIsPermanent(input: JSONObject) {
        let error = #expect(throws: EngineError.self) { try OpenAIChat().request(for: input, to: engine, streaming: true) }
        #expect(error?.kind == .permanent)
        #expect(error?.wasSent == false)
    }

    @Test func repliesAreRead() throws {
        let reply = try OpenAIChat().reply(from: [
            "model": "m-1", "choices": [["message": ["content": "hello"], "finish_reason": "stop"]],
            "usage": ["prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5],
        ])
        #expect(
            reply == EngineReply(text: "hello", model: "m-1", finishReason: "stop", usage: TokenUsage(promptTokens: 3, completionTokens: 2))
        )
    }

    @Test func toolCallsAndRefusalsPassThrough() throws {
        let calls: JSONValue = [["id": "1", "type": "function", "function": ["name": "f", "arguments": "{}"]]]
        let tools = try OpenAIChat().reply(from: ["choices": [["message": ["content": nil, "tool_calls": calls]]]])
        #expect(tools.text == "")
        #expect(tools.extras["tool_calls"] == calls)
        #expect(tools.usage == TokenUsage(promptTokens: 0, completionTokens: 0))
        let refusal = try OpenAIChat().reply(from: ["choices": [["message": ["content": nil, "refusal": "I cannot"]]]])
        #expect(refusal.extras["refusal"] == "I cannot")
        let answer = EngineAnswer(refusal, engine: "local", modelAskedFor: "m", processingTime: .zero)
        #expect(answer.outputData["refusal"] == "I cannot")
        #expect(answer.outputData["model"] == "m")
    }

    @Test(
        arguments: [nil, [], "text", ["choices": []], ["choices": [["message": "x"]]], ["choices": [["message": [:]]]], ["error": "no"]]
            as [JSONValue])
    func otherAnswersArePassingErrors(body: JSONValue) {
        let error = #expect(throws: EngineError.self) { try OpenAIChat().reply(from: body) }
        #expect(error?.kind == .passing)
    }

    @Test func absurdCountsAreBounded() {
        let usage = TokenUsage(promptTokens: .max, completionTokens: -5, totalTokens: .max)
        #expect(usage.promptTokens == 1_000_000_000)
        #expect(usage.completionTokens == 0)
    }
}
