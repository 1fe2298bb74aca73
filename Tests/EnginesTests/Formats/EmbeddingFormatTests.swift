import Domain
import Testing

@testable import Engines
@testable import Operations

@Suite(.timeLimit(.minutes(1))) struct EmbeddingFormatTests {
    private static let speakers = EngineType.allCases.filter { $0 != .anthropic }

    private func question(_ input: JSONObject, _ type: EngineType) throws -> EmbeddingRequest {
        let address = try EngineURL("http://127.0.0.1:1")
        return try EmbeddingRequest(
            input, to: EngineDefinition(name: "e", engineType: type, baseURL: address, model: "default-model"))
    }

    private func said(_ input: JSONObject, _ type: EngineType) throws -> (path: String, body: JSONValue) {
        let wire = type.wireFormat.request(for: try question(input, type))
        return (wire.path, try JSONValue(parsing: wire.body))
    }

    private func vectors(_ type: EngineType, _ body: JSONValue, for input: JSONObject) throws -> EmbeddingReply {
        try type.wireFormat.vectors(from: body).checked(for: try question(input, type))
    }

    private static let input: JSONObject = [
        "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64", "user": "u", "engines": ["e", "f"], "strategy": "balance",
        "truncate": false,
    ]

    @Test func eachFormatHasItsWords() throws {
        let openai = try said(Self.input, .openai)
        #expect(openai.path == "/embeddings")
        #expect(
            openai.body == [
                "model": "default-model", "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64", "user": "u", "truncate": false,
            ])
        let ollama = try said(Self.input, .ollama)
        #expect(ollama.path == "/embed")
        #expect(ollama.body == ["model": "default-model", "input": ["a", "b"], "dimensions": 3, "truncate": false])
        let many = try said(["input": ["a", "b"], "dimensions": 3, "user": nil, "taskType": "CLUSTERING"], .gemini)
        #expect(many.path == "/models/default-model:batchEmbedContents")
        let requests = ["a", "b"].map { text -> JSONValue in
            [
                "model": "models/default-model", "content": ["parts": [["text": .string(text)]]], "outputDimensionality": 3,
                "taskType": "CLUSTERING",
            ]
        }
        #expect(many.body == ["requests": .array(requests)])
        let one = try said(["input": "a", "model": "tunedModels/x y", "dimensions": nil], .gemini)
        #expect(one.path == "/tunedModels/x%20y:embedContent")
        #expect(one.body == ["model": "tunedModels/x y", "content": ["parts": [["text": "a"]]]])
    }

    @Test func whatCannotBeSaidDoesNotLeave() throws {
        for (type, input) in [(.anthropic, ["input": "a"]), (.openai, [:]), (.ollama, ["input": ["a", 5]])]
            as [(EngineType, JSONObject)]
        {
            let error = #expect(throws: EngineError.self) { try question(input, type) }
            #expect(error?.kind == .permanent && error?.wasSent == false)
        }
    }

    @Test func answersAreReadInTheOrderOfTheTexts() throws {
        let openai: JSONValue = [
            "model": "m", "usage": ["prompt_tokens": 4, "total_tokens": 4],
            "data": [["index": 1, "embedding": [3, 4.5e-05]], ["index": 0, "embedding": [1, -2]]],
        ]
        let ollama: JSONValue = ["model": "m", "embeddings": [[1, -2], [3, 4.5e-05]], "prompt_eval_count": 4]
        let gemini: JSONValue = [
            "embeddings": [["values": [1, -2]], ["values": [3, 4.5e-05]]], "usageMetadata": ["promptTokenCount": 4],
        ]
        for (type, body) in zip(Self.speakers, [openai, gemini, ollama]) {
            let reply = try vectors(type, body, for: ["input": ["a", "b"]])
            #expect(reply.vectors == [[1, -2], [3, 4.5e-05]], "\(type)")
            #expect(reply.usage == TokenUsage(promptTokens: 4, completionTokens: 0))
            #expect(reply.model == (type == .gemini ? nil : "m"))
        }
        #expect(try vectors(.gemini, ["embedding": ["values": [1]]], for: ["input": "a"]).usage == nil, "it does not always count")
    }

    @Test func vectorsAreWrittenAsTheCallerAsks() throws {
        // 1, -2 and 0.1 as 32-bit floats.
        let text: JSONValue = "AACAPwAAAMDNzMw9"
        #expect(EmbeddingEncoding.float.encoded(text) == [1.0, -2.0, 0.1])
        #expect(EmbeddingEncoding.base64.encoded([1, -2, 0.1]) == text)
        #expect(EmbeddingEncoding.base64.encoded(text) == text)
        let numbers = try JSONValue(parsing: "[0.10000000149011612, -0.0, 1e-40, 3.4028235e+38]")
        #expect(EmbeddingEncoding.float.encoded(numbers) == numbers, "digits pass through")
        for bad: JSONValue in ["", "AACA", "AACAPwA=", "AADAfw==", "é", [], [1, "2"], [nil], 5, nil, [:], ["a": 1]] {
            #expect(EmbeddingEncoding.float.encoded(bad) == nil, "\(bad)")
            #expect(EmbeddingEncoding.base64.encoded(bad) == nil, "\(bad)")
        }
        #expect(EmbeddingEncoding.base64.encoded([1e300]) == nil, "no 32-bit float")
    }

    /// What a float is in Base64 and back is the same float.
    @Test func encodingsAreEachOthersInverse() {
        var dice = SplitMix64(state: 0x5EED)
        for _ in 0..<2_000 {
            let floats = (0...dice.next() % 8).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: dice.next())) }
                .filter(\.isFinite)
            let vector = JSONValue.array(floats.compactMap { JSONNumber($0).map(JSONValue.number) })
            guard !floats.isEmpty else { continue }
            let back = EmbeddingEncoding.base64.encoded(vector).flatMap(EmbeddingEncoding.float.encoded)
            #expect(back == vector)
        }
    }

    @Test(arguments: speakers) func otherAnswersArePassingErrors(type: EngineType) {
        let bodies: [JSONValue] = [
            nil, [], "text", [:], ["data": []], ["data": [["embedding": [1]]]], ["embeddings": [[1]]], ["embeddings": [["values": [1]]]],
            ["data": [["index": 0, "embedding": [1]], ["index": 0, "embedding": [1]]]],
            ["data": [["index": -1, "embedding": [1]], ["index": 9, "embedding": [1]]]],
            ["data": [["embedding": ["x"]], ["embedding": [1]]]], ["embeddings": [[1], []]],
            ["embeddings": [["values": [1]], ["values": "no"]]], ["embedding": ["values": [1]]],
        ]
        for body in bodies {
            let error = #expect(throws: EngineError.self, "\(body)") { try vectors(type, body, for: ["input": ["a", "b"]]) }
            #expect(error?.kind == .passing, "\(body)")
        }
    }
}
