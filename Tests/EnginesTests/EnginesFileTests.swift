import Domain
import NIOURLSession
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct EnginesFileTests {
    private func faults(_ yaml: String) -> [String] {
        do {
            _ = try EnginesFile(yaml: yaml, file: "engines.yaml")
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    private let good = """
        engines:
          - name: local                # what tasks name
            engine_type: openai
            base_url: http://127.0.0.1:8000/v1/
            model: some-model
            secret: env:LOCAL_API_KEY
            limits: {concurrency: 64, requests_per_minute: 600, tokens_per_minute: 100000, timeout: 120s}
            price: {prompt_per_million: 0.15, completion_per_million: 0.60}
          - name: second
            engine_type: anthropic
            base_url: https://[::1]:8443
            model: "7"
            stream: false
            limits: {first_byte_timeout: 5s, idle_timeout: 500ms}
        """

    @Test func theContractsExampleIsRead() throws {
        let file = try EnginesFile(yaml: good, file: "engines.yaml")
        let local = try #require(file.engines.first)
        #expect(local.name == "local")
        #expect(local.baseURL.description == "http://127.0.0.1:8000/v1")
        #expect(local.secret == .environment("LOCAL_API_KEY"))
        #expect(local.limits == EngineLimits(concurrency: 64, requestsPerMinute: 600, tokensPerMinute: 100_000, timeout: .seconds(120)))
        #expect(local.price == EnginePrice(promptPerMillion: 0.15, completionPerMillion: 0.6))
        #expect(file.engines[1].model == "7")
        #expect(local.streams && !file.engines[1].streams)
        #expect(file.engines[1].limits == EngineLimits(firstByteTimeout: .seconds(5), idleTimeout: .milliseconds(500)))
        #expect(file.defaultEngine == "local")
        #expect(try EnginesFile(yaml: "default: second\n" + good, file: "engines.yaml").defaultEngine == "second")
    }

    @Test func definitionsSurviveTheDatabase() throws {
        for engine in try EnginesFile(yaml: good, file: "engines.yaml").engines {
            #expect(try EngineDefinition(json: JSONValue(parsing: engine.json.serialized())) == engine)
        }
    }

    @Test(arguments: [
        ("model: some-model", "model: some-model\n    colour: red", "engines.yaml:6: engines/0/colour is not a known field"),
        (
            "engine_type: openai", "engine_type: gpt",
            "engines.yaml:3: engines/0/engine_type must be one of openai, anthropic, gemini, ollama"
        ),
        ("model: some-model", "model: 7", "engines.yaml:5: engines/0/model must be a string, not a number"),
        ("timeout: 120s", "timeout: soon", "engines.yaml:7: engines/0/limits/timeout must be a duration such as 500ms, 120s, 2m or 1h"),
        ("stream: false", "stream: maybe", "engines.yaml:13: engines/1/stream must be true or false, not a string"),
        ("timeout: 120s", "timeout: 2000h", "engines.yaml:7: engines/0/limits/timeout must be 1ms to 86400s"),
        ("concurrency: 64", "concurrency: none", "engines.yaml:7: engines/0/limits/concurrency must be a whole number, not a string"),
        ("concurrency: 64", "concurency: 64", "engines.yaml:7: engines/0/limits/concurency is not a known field"),
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000", "engines.yaml:4: engines/0/base_url must begin with http:// or https://"),
        (
            "http://127.0.0.1:8000/v1/", "http://host:99999",
            "engines.yaml:4: engines/0/base_url must name a host, and a port from 1 to 65535 if any"
        ),
        ("name: second", "name: local", "engines.yaml:9: engines/1/name 'local' stands twice"),
        ("name: second", "name: a b", "engines.yaml:9: engines/1/name may have letters, digits, '-', '_' and '.' only"),
        ("    base_url: https://[::1]:8443\n", "", "engines.yaml:9: engines/1/base_url is required"),
    ])
    func everyFaultNamesItsLine(replace: String, with replacement: String, expected: String) {
        #expect(faults(good.replacing(replace, with: replacement)) == [expected])
    }

    @Test(arguments: ["secret: sk-verysecret", "secret: env:sk-verysecret", "api_key: sk-verysecret", "secret: [sk-verysecret"])
    func aSecretInClearIsRefusedAndNotShown(line: String) {
        let faults = faults(good.replacing("secret: env:LOCAL_API_KEY", with: line))
        #expect(!faults.isEmpty)
        #expect(faults.allSatisfy { $0.hasPrefix("engines.yaml:") && !$0.contains("verysecret") }, "\(faults)")
    }

    /// A deadline shortens every limit of a call, and none of them is longer than the whole call's.
    @Test func theLimitsOfACallFitInIt() {
        let limits = EngineLimits(timeout: .seconds(60), firstByteTimeout: .seconds(90), idleTimeout: .seconds(10))
        #expect(limits.timeouts(atMost: nil) == NIOURLSessionTimeouts(firstByte: .seconds(60), idle: .seconds(10), call: .seconds(60)))
        #expect(limits.timeouts(atMost: .seconds(5)) == NIOURLSessionTimeouts(firstByte: .seconds(5), idle: .seconds(5), call: .seconds(5)))
        #expect(limits.timeouts(atMost: .seconds(500)).call == .seconds(60))
    }

    @Test func allFaultsAreToldAtOnce() {
        let bad = good.replacing("engine_type: openai", with: "engine_type: x").replacing("name: second", with: "name: ''")
        #expect(faults(bad).count == 2)
    }

    @Test(arguments: ["", "engines:", "engines: []", "- a", "engines: {a: 1}", "a: b: c", "engines: *x", "\u{1}", "engines:\n\t- x"])
    func nonsenseIsAnError(yaml: String) {
        #expect(!faults(yaml).isEmpty)
    }

    @Test func aliasesThatMultiplyEnd() {
        var yaml = "a: &a [x,x,x,x,x,x,x,x,x]\n"
        for (name, of) in zip("bcdefgh", "abcdefg") {
            yaml += "\(name): &\(name) [*\(of),*\(of),*\(of),*\(of),*\(of),*\(of),*\(of),*\(of),*\(of)]\n"
        }
        #expect(faults(yaml).first?.contains("parts") == true)
    }

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: EnginesFileError.self) { try EnginesFile(path: "/nonexistent/engines.yaml") }
        #expect(error?.description == "/nonexistent/engines.yaml: the file does not exist")
    }
}
