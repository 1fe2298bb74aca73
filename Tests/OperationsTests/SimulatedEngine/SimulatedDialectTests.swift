import Domain
import Testing

@testable import Operations

@Suite(.timeLimit(.minutes(1))) struct SimulatedDialectTests {
    private func question(_ dialect: SimulatedDialect, _ body: JSONValue = [:]) throws -> SimulatedQuestion {
        let path =
            switch dialect {
            case .openai: "/v1/chat/completions"
            case .anthropic: "/v1/messages"
            case .gemini: "/v1beta/models/m:streamGenerateContent"
            case .ollama: "/api/chat"
            }
        var object = body.objectValue ?? [:]
        object["stream"] = true
        object[dialect == .gemini ? "contents" : "messages"] = [["role": "user", "content": "one two", "parts": [["text": "one two"]]]]
        return SimulatedQuestion(.object(object), at: try #require(SimulatedRoute(path: path)))
    }

    private func script(_ ending: SimulatedFate.Ending, _ dialect: SimulatedDialect) throws -> SimulatedScript {
        let question = try question(dialect)
        return SimulatedScript(ending, question, try SimulatedCompletion(question, number: 1, echoLimit: 60))
    }

    private func text(_ script: SimulatedScript) -> String {
        script.steps.map { if case .write(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "" } }.joined()
    }

    @Test func pathsNameTheirDialect() {
        #expect(SimulatedRoute(path: "/v1/chat/completions")?.dialect == .openai)
        #expect(SimulatedRoute(path: "/v1/messages")?.dialect == .anthropic)
        #expect(SimulatedRoute(path: "/api/chat")?.dialect == .ollama)
        let gemini = SimulatedRoute(path: "/v1beta/models/a:b:generateContent")
        #expect(gemini?.dialect == .gemini)
        #expect(gemini?.model == "a:b")
        #expect(gemini?.streams == false)
        for path in ["/", "/v1beta/models/", "/v1beta/models/m:countTokens", "/v1/chat"] { #expect(SimulatedRoute(path: path) == nil) }
    }

    @Test(arguments: SimulatedDialect.allCases) func questionsAreTheSameInEveryDialect(dialect: SimulatedDialect) throws {
        let question = try question(dialect)
        #expect(question.texts == ["one two"])
        #expect(question.streams)
        #expect(try SimulatedCompletion(question, number: 1, echoLimit: 60).text == "Simulated answer to: one two")
    }

    @Test(arguments: SimulatedDialect.allCases) func faultsComeInTheMiddle(dialect: SimulatedDialect) throws {
        let whole = try script(.answer, dialect)
        #expect(whole.contentType == (dialect == .ollama ? "application/x-ndjson" : "text/event-stream"))
        for ending in [SimulatedFate.Ending.cut, .stall, .complaint, .garbage(.text), .garbage(.utf8), .garbage(.type)] {
            let faulty = try script(ending, dialect)
            let common = zip(faulty.steps, whole.steps).prefix { $0 == $1 }.count
            #expect(common > 0 && (ending == .garbage(.type) || common < whole.steps.count), "\(ending)")
        }
        #expect(try script(.cut, dialect).steps.last == .cut)
        #expect(try script(.stall, dialect).steps.last == .stall)
        #expect(try script(.garbage(.type), dialect).contentType == "text/plain")
    }

    @Test func onlyTimeParts() throws {
        let script = try script(.answer, .openai)
        let unpaced = script.joined(pauses: false)
        #expect(unpaced.count == 1)
        #expect(unpaced.first == .write(Array(text(script).utf8)))
        #expect(script.joined(pauses: true).count { $0 == .pause } == 5)
    }
}
