import Testing

@testable import Engines

@Suite struct EngineHostsTests {
    @Test(arguments: [
        ("", "http://anywhere:1/v1", true),
        ("api.example.com", "https://api.example.com/v1", true),
        ("api.example.com", "https://API.Example.com", true),
        ("api.example.com", "https://api.example.com.evil.org/v1", false),
        ("api.example.com", "https://evil-api.example.com", false),
        ("*.example.com", "https://api.example.com", true),
        ("*.example.com", "https://a.b.example.com:8443", true),
        ("*.example.com", "https://example.com", false),
        ("*.example.com", "https://badexample.com", false),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1", true),
        ("127.0.0.1:8000", "http://127.0.0.1:8001/v1", false),
        ("api.example.com:443", "https://api.example.com", true),
        ("api.example.com:443", "http://api.example.com", false),
        ("[::1]", "http://[::1]:8000", true),
        ("a.example, b.example  c.example", "http://c.example", true),
        ("a.example, b.example  c.example", "http://d.example", false),
    ])
    func namesWhereEnginesMayBe(patterns: String, url: String, isAllowed: Bool) throws {
        #expect(try EngineHosts(patterns).allows(EngineURL(url)) == isAllowed)
    }

    @Test(arguments: ["http://api.example.com", "a/b", "*", "*.", "a*.example.com", "host:0", "user@host", "host:port"])
    func refusesWhatIsNoHost(pattern: String) {
        #expect(throws: EngineHosts.Malformed(pattern: pattern)) { try EngineHosts("good.example, \(pattern)") }
    }

    @Test func aDefinitionThatLeadsElsewhereNamesItsLine() throws {
        let yaml = """
            engines:
              - name: a
                engine_type: openai
                base_url: https://evil.example/v1
                model: m
            """
        let hosts = try EngineHosts("api.example.com")
        let error = #expect(throws: EnginesFileError.self) { try EnginesFile(yaml: yaml, file: "engines.yaml", hosts: hosts) }
        #expect(
            error?.description
                == "engines.yaml:4: engines/0/base_url leads to evil.example, which engines.allowed_hosts does not name")
    }
}
