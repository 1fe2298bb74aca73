import Domain
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExpressibilityTests {
    private static let message: JSONValue = ["role": "user", "content": "hi"]

    private func pointers(_ type: EngineType, _ input: JSONObject) -> [String] {
        var input = input
        if input["messages"] == nil { input["messages"] = [Self.message] }
        return type.inexpressible(in: input).map(\.pointer)
    }

    @Test func tasksAreWrittenInOpenAIsTerms() {
        #expect(pointers(.openai, ["n": 2, "logit_bias": ["1": 1], "anything": true]).isEmpty)
    }

    @Test(
        arguments: [
            (["logprobs": true], [.anthropic]), (["seed": 7], [.anthropic]), (["n": 2], [.anthropic, .gemini, .ollama]),
            (["logit_bias": ["1": 5]], [.anthropic, .gemini, .ollama]), (["frequency_penalty": 0.5], [.anthropic]),
            (["parallel_tool_calls": false], [.gemini, .ollama]), (["temperature": 1.5], [.anthropic]),
            (["modalities": ["text", "audio"]], [.anthropic, .gemini, .ollama]),
            (["response_format": ["type": "json_object"]], [.anthropic]),
            (["response_format": ["type": "json_schema"]], [.anthropic, .gemini, .ollama]),
            (["response_format": ["type": "grammar"]], [.anthropic, .gemini, .ollama]),
            (["tool_choice": "required"], [.ollama]), (["tool_choice": ["type": "function", "function": ["name": "f"]]], [.ollama]),
            // What asks for nothing, and what only engines know, is no fault.
            (["logprobs": false, "n": 1, "seed": nil, "presence_penalty": 0, "modalities": ["text"], "top_k": 3], []),
            (["response_format": ["type": "json_schema", "json_schema": ["schema": ["type": "object"]]]], []),
            (["tool_choice": "none", "parallel_tool_calls": true], []),
        ] as [(JSONObject, [EngineType])])
    func fieldsWithoutCounterpartAreTold(input: JSONObject, refusing: [EngineType]) {
        for type in EngineType.allCases {
            #expect(pointers(type, input).isEmpty != refusing.contains(type), "\(type)")
        }
    }

    @Test(
        arguments: [
            ([["role": "user", "content": "a"], ["role": "system", "content": "b"]], "/messages/1/role", [.anthropic, .gemini]),
            (
                [["role": "user", "content": [["type": "image_url", "image_url": ["url": "https://x/y.png"]]]]],
                "/messages/0/content/0/image_url/url", [.ollama]
            ),
            (
                [["role": "user", "content": [["type": "image_url", "image_url": ["url": "data:,x"]]]]],
                "/messages/0/content/0/image_url/url", [.anthropic, .gemini, .ollama]
            ),
            (
                [["role": "user", "content": [["type": "input_audio", "input_audio": ["data": "", "format": "wav"]]]]],
                "/messages/0/content/0/type", [.anthropic, .ollama]
            ),
            ([["role": "tool", "tool_call_id": "c", "content": "x"]], "/messages/0/tool_call_id", [.anthropic, .gemini, .ollama]),
            (
                [["role": "assistant", "tool_calls": [["id": "c", "function": ["name": "f", "arguments": "{"]]]]],
                "/messages/0/tool_calls/0/function/arguments", [.anthropic, .gemini, .ollama]
            ),
            ([["role": "user", "content": [["type": "document", "source": [:]]]]], "", []),
        ] as [(JSONValue, String, [EngineType])])
    func messagesWithoutCounterpartAreTold(messages: JSONValue, pointer: String, refusing: [EngineType]) {
        for type in EngineType.allCases {
            #expect(pointers(type, ["messages": messages]) == (refusing.contains(type) ? [pointer] : []), "\(type)")
        }
    }

    @Test func faultsAreBounded() {
        let messages = [JSONValue](repeating: ["role": "tool", "content": "x"], count: 5_000)
        #expect(pointers(.anthropic, ["messages": .array(messages)]).count == 100)
    }

    @Test func acceptanceRefusesWhatANamedEngineCannotSay() throws {
        let engines = EngineNames(["local", "claude"], types: ["local": .openai, "claude": .anthropic])
        func errors(_ input: JSONObject) -> [FieldError] {
            do {
                _ = try NewTask(reading: ["task_type": "chat", "input_data": .object(input)], knownEngines: engines)
                return []
            } catch {
                return error.errors
            }
        }
        #expect(errors(["prompt": "x", "engine": "local", "seed": 1]).isEmpty)
        let expected = FieldError(
            pointer: "/input_data/seed", detail: "has no counterpart in the format (engines of type 'anthropic')")
        #expect(errors(["prompt": "x", "engine": "claude", "seed": 1]) == [expected])
        #expect(errors(["prompt": "x", "engines": ["local", "claude"], "seed": 1]) == [expected])
        #expect(errors(["prompt": "x", "seed": 1]).isEmpty, "the fleet's default has words for it")
    }

    @Test(arguments: [(["claude"], 1), (["local", "claude"], 1), (["local"], 0), (["gone"], 0), (nil, 1)] as [([String]?, Int)])
    func aTaskThatNamesNoEngineIsHeldAgainstItsProjects(project: [String]?, faults: Int) {
        let engines = EngineNames(["claude", "local"], types: ["local": .openai, "claude": .anthropic]).preferring(project)
        func errors(_ input: JSONObject) -> [String] {
            do {
                _ = try NewTask(reading: ["task_type": "chat", "input_data": .object(input)], knownEngines: engines)
                return []
            } catch {
                return error.errors.map(\.pointer)
            }
        }
        #expect(errors(["prompt": "x", "seed": 1]) == Array(repeating: "/input_data/seed", count: faults))
        #expect(errors(["prompt": "x", "seed": 1, "engine": "local"]) == [], "what it names counts")
    }

    @Test(
        arguments: [
            ("data:image/png;base64,AAAA", .data(mediaType: "image/png", base64: "AAAA")),
            ("data:image/svg+xml;charset=utf-8;base64,AA,A", .data(mediaType: "image/svg+xml", base64: "AA,A")),
            ("https://x/y.png", .address("https://x/y.png")), ("data:image/png,AAAA", .unreadable), ("data:;base64,AAAA", .unreadable),
            ("data:", .unreadable), ("file:///etc/passwd", .unreadable), ("", .unreadable), ("data:image/png;base64", .unreadable),
        ] as [(String, ImageReference)])
    func imagesAreReadFromTheirURLs(text: String, expected: ImageReference) {
        #expect(ImageReference(text) == expected)
    }
}
