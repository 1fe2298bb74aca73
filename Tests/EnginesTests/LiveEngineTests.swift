import Domain
import Foundation
import Logging
import NIOURLSession
import Testing

@testable import Engines

/// Where engines that were not written here are, as the environment tells.
private enum LiveEngines {
    /// `CHORUS_LIVE_OPENAI=http://127.0.0.1:8080/v1`, and so on for each type.
    static func address(_ type: EngineType) -> String? { variable(type.rawValue.uppercased()) }

    static let model = variable("MODEL") ?? "tiny-random"
    static let key = variable("KEY")
    /// Each of them, as a stream and in one piece.
    static let ways = EngineType.allCases.filter { address($0) != nil }.flatMap { type in [true, false].map { (type, $0) } }

    private static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment["CHORUS_LIVE_\(name)"] }
}

/// The formats against software that was not written here. `Tests/LiveEngines/check` starts it and names its addresses.
@Suite(.timeLimit(.minutes(5)), .enabled(if: !LiveEngines.ways.isEmpty)) struct LiveEngineTests {
    private func call(
        _ type: EngineType, streams: Bool, _ input: JSONObject, key: String? = LiveEngines.key
    ) async throws -> Result<EngineAnswer, EngineError> {
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let url = try EngineURL(try #require(LiveEngines.address(type)))
        let definition = EngineDefinition(name: "live", engineType: type, baseURL: url, model: LiveEngines.model, streams: streams)
        let engine = Engine(definition: definition, secret: key.map { Secret($0) }, session: session)
        let result: Result<EngineAnswer, EngineError>
        do { result = .success(try await engine.call(input)) } catch { result = .failure(error) }
        await session.shutdown()
        return result
    }

    @Test(arguments: LiveEngines.ways) func itAnswersAndCounts(type: EngineType, streams: Bool) async throws {
        let input: JSONObject = [
            "messages": [["role": "system", "content": "Use words."], ["role": "user", "content": "the people of the world"]],
            "max_tokens": 12, "temperature": 0,
        ]
        let answer = try await call(type, streams: streams, input).get()
        #expect(!answer.text.isEmpty)
        #expect(["stop", "length"].contains(answer.finishReason))
        #expect(answer.usage.promptTokens > 0 && answer.usage.completionTokens > 0, "\(answer.usage)")
    }

    @Test(arguments: LiveEngines.ways) func aSchemaIsKeptTo(type: EngineType, streams: Bool) async throws {
        let schema: JSONValue = [
            "type": "object", "properties": ["ok": ["type": "boolean"]], "required": ["ok"], "additionalProperties": false,
        ]
        let input: JSONObject = [
            "prompt": "the", "max_tokens": 100,
            "response_format": ["type": "json_schema", "json_schema": ["name": "a", "schema": schema]],
        ]
        let result = try await call(type, streams: streams, input)
        // llama.cpp and LiteLLM take no schema in Anthropic's words, and say nothing: then words without sense must not pass for JSON.
        if type == .anthropic, case .failure(let error) = result {
            #expect(error.kind == .passing && error.message.hasPrefix("the answer is not JSON"), "\(error)")
            #expect(error.partial?.text.isEmpty == false)
            return
        }
        let answer = try result.get()
        #expect(try JSONValue(parsing: answer.text)["ok"]?.boolValue != nil, "\(answer.text)")
    }

    @Test(arguments: LiveEngines.ways.filter { $0.0 == .openai || $0.0 == .ollama }) func everyTokenHasItsLogprob(
        type: EngineType, streams: Bool
    ) async throws {
        let input: JSONObject = ["prompt": "the people", "max_tokens": 8, "logprobs": true, "top_logprobs": 2]
        let answer = try await call(type, streams: streams, input).get()
        let tokens = answer.outputData["logprobs"]?["content"]?.arrayValue ?? []
        #expect(!tokens.isEmpty)
        #expect(tokens.allSatisfy { ($0["logprob"]?.doubleValue ?? 1) <= 0 && $0["top_logprobs"]?.arrayValue?.count == 2 })
    }

    @Test(arguments: LiveEngines.ways) func whatIsWrongIsPermanent(type: EngineType, streams: Bool) async throws {
        guard case .failure(let error) = try await call(type, streams: streams, ["prompt": "x", "max_tokens": "many"]) else {
            return  // A server that minds nothing is not at fault.
        }
        #expect(error.kind == .permanent, "\(error)")
    }

    @Test(arguments: LiveEngines.ways) func aWrongKeyIsPermanent(type: EngineType, streams: Bool) async throws {
        guard LiveEngines.key != nil else { return }
        guard case .failure(let error) = try await call(type, streams: streams, ["prompt": "x"], key: "wrong") else {
            return #expect(Bool(false), "it was taken")
        }
        #expect(error.kind == .permanent, "\(error)")
        #expect([400, 401, 403].contains(error.statusCode))
    }
}
