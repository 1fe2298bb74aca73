import Domain
import Foundation
import Logging
import NIOURLSession
import Testing

@testable import Engines

/// A server that was not written here, and what it can be asked for.
struct LiveServer: Sendable, CustomTestStringConvertible {
    enum Ability: String {
        /// Answers, whole and as streams; all others but vectors come with it.
        case chat
        /// Keeps to a JSON schema.
        case schema
        case logprobs
        /// Refuses what its vendor's own types do not know, and answers in them: tools and pictures too.
        case typed
        case vectors
    }

    var name: String
    var type: EngineType
    var url: EngineURL
    var abilities: Set<Ability>

    /// `llama.cpp openai http://127.0.0.1:8080/v1 chat,schema,logprobs`; nil for anything else.
    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 4, let type = EngineType(rawValue: words[1]), let url = try? EngineURL(words[2]) else { return nil }
        (name, self.type, self.url) = (words[0], type, url)
        abilities = Set(words[3].split(separator: ",").compactMap { Ability(rawValue: String($0)) })
    }

    var testDescription: String { "\(name), \(type)" }

    /// Those that the environment names, one a line.
    static let all = (variable("SERVERS") ?? "").split(separator: "\n").compactMap { LiveServer(String($0)) }
    static let key = variable("KEY") ?? "none"
    static let ways = [true, false]

    static func with(_ abilities: Ability...) -> [LiveServer] { all.filter { $0.abilities.isSuperset(of: abilities) } }

    private static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment["CHORUS_LIVE_\(name)"] }

    func ask<Answer: Sendable>(
        streams: Bool = false, key: String = LiveServer.key, _ call: (Engine) async throws(EngineError) -> Answer
    ) async -> Result<Answer, EngineError> {
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let definition = EngineDefinition(name: "live", engineType: type, baseURL: url, model: "tiny-random", streams: streams)
        let result: Result<Answer, EngineError>
        do { result = .success(try await call(Engine(definition: definition, secret: Secret(key), session: session))) } catch {
            result = .failure(error)
        }
        await session.shutdown()
        return result
    }
}

/// The formats against software that was not written here. `Tests/LiveEngines/check` starts it and says where it is.
@Suite(.timeLimit(.minutes(5)), .enabled(if: !LiveServer.all.isEmpty)) struct LiveEngineTests {
    @Test(arguments: LiveServer.with(.chat), LiveServer.ways) func itAnswersAndCounts(server: LiveServer, streams: Bool) async throws {
        let input: JSONObject = [
            "messages": [["role": "system", "content": "Use words."], ["role": "user", "content": "the people of the world"]],
            "max_tokens": 12, "temperature": 0,
        ]
        let answer = try await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(input) }.get()
        #expect(!answer.text.isEmpty)
        #expect(["stop", "length"].contains(answer.finishReason))
        #expect(answer.usage.promptTokens > 0 && answer.usage.completionTokens > 0, "\(answer.usage)")
    }

    private static let schemaInput: JSONObject = [
        "prompt": "the", "max_tokens": 250,
        "response_format": [
            "type": "json_schema",
            "json_schema": [
                "name": "a",
                "schema": [
                    "type": "object", "properties": ["ok": ["type": "boolean"]], "required": ["ok"], "additionalProperties": false,
                ],
            ],
        ],
    ]

    @Test(arguments: LiveServer.with(.schema), LiveServer.ways) func aSchemaIsKeptTo(server: LiveServer, streams: Bool) async throws {
        let answer = try await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(Self.schemaInput) }.get()
        let ok = try JSONValue(parsing: answer.text)["ok"]
        #expect(ok?.boolValue != nil, "\(answer.text)")
    }

    /// A server that takes no schema says nothing of it: then words without sense must not pass for JSON.
    @Test(arguments: LiveServer.with(.chat).filter { !$0.abilities.contains(.schema) }, LiveServer.ways)
    func aSchemaThatIsPassedOverIsNoticed(server: LiveServer, streams: Bool) async throws {
        let result = await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(Self.schemaInput) }
        guard case .failure(let error) = result else { return #expect(Bool(false), "\(result)") }
        #expect(error.message.contains("not JSON"), "\(error)")
        #expect(error.partial?.text.isEmpty == false)
    }

    @Test(arguments: LiveServer.with(.logprobs), LiveServer.ways)
    func everyTokenHasItsLogprob(server: LiveServer, streams: Bool) async throws {
        let input: JSONObject = ["prompt": "the people", "max_tokens": 6, "logprobs": true, "top_logprobs": 2]
        let answer = try await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(input) }.get()
        let tokens = answer.outputData["logprobs"]?["content"]?.arrayValue ?? []
        #expect(!tokens.isEmpty)
        #expect(tokens.allSatisfy { ($0["logprob"]?.doubleValue ?? 1) <= 0 && $0["top_logprobs"]?.arrayValue?.count == 2 }, "\(tokens)")
        #expect((0...1).contains(answer.confidence ?? -1))
    }

    /// Instructions, a picture, tools and what came of them, a schema: all that a request can hold.
    @Test(arguments: LiveServer.with(.typed), LiveServer.ways)
    func aWholeConversationIsUnderstood(server: LiveServer, streams: Bool) async throws {
        var input = conversation
        if let others = Self.others[server.type] { for member in others.members { input[member.key] = member.value } }
        let answer = try await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(input) }.get()
        #expect(try JSONValue(parsing: answer.text).objectValue != nil, "\(answer.text)")
    }

    /// What a format also has words for.
    private static let others: [EngineType: JSONObject] = [
        .openai: [
            "seed": 1, "top_p": 0.5, "presence_penalty": 0.1, "frequency_penalty": 0.1, "user": "u", "parallel_tool_calls": false,
            "metadata": ["a": "b"], "temperature": 0.5,
        ],
        .anthropic: ["top_p": 0.5, "top_k": 4, "user": "u", "parallel_tool_calls": false, "temperature": 0.5],
        .gemini: [
            "seed": 1, "top_p": 0.5, "top_k": 4, "presence_penalty": 0.1, "frequency_penalty": 0.1, "temperature": 0.5,
            "safetySettings": [["category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"]],
        ],
        .ollama: ["seed": 1, "top_p": 0.5, "top_k": 4, "temperature": 0.5, "keep_alive": "5m", "think": false],
    ]

    @Test(arguments: LiveServer.with(.typed), LiveServer.ways) func aToolIsCalled(server: LiveServer, streams: Bool) async throws {
        let parameters: JSONValue = ["type": "object", "properties": ["deep": ["type": "boolean"]], "required": ["deep"]]
        var input: JSONObject = [
            "prompt": "use a tool",
            "tools": [["type": "function", "function": ["name": "look", "description": "Looks.", "parameters": parameters]]],
        ]
        // Ollama cannot be told to.
        if server.type != .ollama { input["tool_choice"] = "required" }
        let question = input
        let answer = try await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(question) }.get()
        let call = answer.outputData["tool_calls"]?[0]
        #expect(call?["function"]?["name"] == "look", "\(answer.outputData)")
        let arguments = try JSONValue(parsing: call?["function"]?["arguments"]?.stringValue ?? "")
        #expect(arguments == ["deep": true])
        #expect(answer.finishReason == "tool_calls")
    }

    @Test(arguments: LiveServer.with(.chat), LiveServer.ways) func whatIsWrongIsPermanent(server: LiveServer, streams: Bool) async throws {
        let input: JSONObject = ["prompt": "x", "max_tokens": "many"]
        let result = await server.ask(streams: streams) { engine throws(EngineError) in try await engine.call(input) }
        guard case .failure(let error) = result else {
            // A server that minds nothing is not at fault; one that minds everything is.
            return #expect(!server.abilities.contains(.typed), "it was taken")
        }
        #expect(error.kind == .permanent, "\(error)")
    }

    @Test(arguments: LiveServer.with(.chat), LiveServer.ways) func aWrongKeyIsPermanent(server: LiveServer, streams: Bool) async throws {
        let result = await server.ask(streams: streams, key: "wrong") { engine throws(EngineError) in try await engine.call(["prompt": "x"])
        }
        guard case .failure(let error) = result else { return #expect(Bool(false), "it was taken") }
        #expect(error.kind == .permanent, "\(error)")
        #expect([400, 401, 403].contains(error.statusCode))
    }

    @Test(arguments: LiveServer.with(.vectors)) func textsHaveVectors(server: LiveServer) async throws {
        for input: JSONObject in [
            ["input": ["the people", "of the world"]], ["input": "the people"], ["input": ["the", "people"], "encoding_format": "base64"],
        ] {
            let answer = try await server.ask { engine throws(EngineError) in try await engine.embed(input) }.get()
            let vectors = answer.outputData["embeddings"]?.arrayValue ?? []
            #expect(vectors.count == EmbeddingInput.texts(of: input).count)
            if input["encoding_format"] == nil {
                #expect(
                    vectors.allSatisfy { $0.arrayValue?.isEmpty == false && $0.arrayValue?.allSatisfy { $0.doubleValue != nil } == true })
            } else {
                #expect(vectors.allSatisfy { ($0.stringValue ?? "").count >= 8 }, "\(vectors)")
            }
        }
        let broken = await server.ask(key: "wrong") { engine throws(EngineError) in try await engine.embed(["input": "x"]) }
        guard case .failure(let error) = broken else { return #expect(Bool(false), "a wrong key was taken") }
        #expect(error.kind == .permanent, "\(error)")
    }
}
