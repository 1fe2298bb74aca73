import Domain
import Operations
import Testing

@testable import Engines

/// Every format that has embeddings, against an engine that speaks it.
@Suite(.timeLimit(.minutes(1))) struct EmbeddingsOverHTTPTests {
    private static let speakers = EngineType.allCases.filter { $0 != .anthropic }

    @Test func theSameTextsHaveTheSameVectorsInEveryFormat() async throws {
        try await withSimulatedEngine { simulated in
            var seen: Set<JSONValue> = []
            for type in Self.speakers {
                let engine = try simulated.engine(type)
                let input: JSONObject = ["input": ["one two", "three"], "dimensions": 4]
                let answer = try await engine.embed(input, idempotencyKey: "k-\(type)")
                #expect(answer.outputData.objectValue?.keys == ["embeddings", "engine", "model", "usage"])
                #expect(answer.outputData["engine"] == "simulated" && answer.outputData["model"] == "model-a")
                #expect(answer.usage == TokenUsage(promptTokens: 3, completionTokens: 0), "\(type)")
                let vectors = try #require(answer.outputData["embeddings"]?.arrayValue)
                #expect(vectors.count == 2 && vectors[0] != vectors[1])
                for vector in vectors {
                    let numbers = try #require(vector.arrayValue).compactMap(\.doubleValue)
                    #expect(numbers.count == 4 && abs(numbers.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
                }
                seen.insert(.array(vectors))
                // One text, in the other encoding.
                let encoded = try await engine.embed(["input": "three", "dimensions": 4, "encoding_format": "base64"])
                let text = try #require(encoded.outputData["embeddings"]?.arrayValue)
                #expect(text.count == 1 && EmbeddingEncoding.float.encoded(text[0]) == vectors[1])
            }
            #expect(seen.count == 1)
            #expect(try await simulated.stats()["calls_by_key"]?["k-gemini"] == 1)
        }
    }

    @Test(arguments: speakers) func faultsHaveTheirClasses(type: EngineType) async throws {
        let faults: [(String, EngineError.Kind)] = [
            ("status=429;retry-after=2", .refused), ("status=500", .passing), ("status=503", .refused), ("status=504", .unknown),
            ("status=400", .permanent), ("status=401", .permanent), ("nonsense", .permanent), ("cut", .unknown), ("error", .refused),
            ("garbage", .passing), ("garbage=utf8", .passing), ("garbage=html", .passing), ("garbage=type", .passing),
            ("garbage=empty", .passing), ("garbage=huge", .permanent),
        ]
        try await withSimulatedEngine { simulated in
            let engine = try simulated.engine(type)
            for (command, kind) in faults {
                let error = await failure(engine, ["input": ["one", .string("two [simulate: \(command)]")]])
                #expect(error?.kind == kind, "\(command): \(String(describing: error))")
                #expect(error?.wasSent == true && error?.partial == nil)
                if kind == .refused, command != "error" && command != "status=503" { #expect(error?.retryAfter == .seconds(2)) }
            }
            let late = await failure(engine, ["input": "x [simulate: latency=30s]"], timeout: .milliseconds(500))
            #expect(late?.kind == .unknown)
            let many = await failure(engine, ["input": .array([JSONValue](repeating: "a", count: 2_049))])
            #expect(many?.kind == .permanent)
        }
    }

    @Test func anthropicHasNone() async throws {
        try await withSimulatedEngine { simulated in
            let error = await failure(try simulated.engine(.anthropic), ["input": "x"])
            #expect(error?.kind == .permanent && error?.wasSent == false)
            #expect(error?.message == "input_data/engine engines of type 'anthropic' make no embeddings")
            #expect(try await simulated.stats()["calls"] == 0)
        }
    }

    private func failure(_ engine: Engine, _ input: JSONObject, timeout: Duration? = nil) async -> EngineError? {
        do {
            _ = try await engine.embed(input, timeout: timeout)
            return nil
        } catch {
            return error
        }
    }
}
