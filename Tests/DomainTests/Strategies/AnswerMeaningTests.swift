import Testing

@testable import Domain

@Suite struct AnswerMeaningTests {
    private static func agree(_ one: String, _ other: String) -> Bool {
        let (left, right) = (AnswerMeaning(of: ["text": .string(one)]), AnswerMeaning(of: ["text": .string(other)]))
        #expect(left.agrees(with: right) == right.agrees(with: left) && left.agrees(with: left))
        return left.agrees(with: right)
    }

    @Test(arguments: [
        ("Paris", " paris.\n"), ("**Yes**", "yes"), ("\"No\"", "no!"), ("It is  so", "it is\nso."), ("42", "42.0"), ("1e3", "1000"),
        (#"{"a": 1, "b": [true, null]}"#, #"{"b":[true,null],"a":1.00}"#),
        ("```json\n{\"a\": 1}\n```", #"{"a":1}"#), ("```\nyes\n```\n", "Yes"), ("", " "), ("[]", "[ ]"),
    ])
    func sayTheSame(one: String, other: String) {
        #expect(Self.agree(one, other))
    }

    @Test(arguments: [
        ("Paris", "Lyon"), ("5", "-5"), ("5", "5%"), (".5", "5"), (#"{"a":1}"#, #"{"a":2}"#), (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#),
        (#"{"a":1}"#, #"{"a":"1"}"#), ("yes", ""), ("9007199254740993", "9007199254740992"), ("0.1", "0.10000000000000001"),
    ])
    func sayDifferentThings(one: String, other: String) {
        #expect(!Self.agree(one, other))
    }

    /// From 20 words on, four of five words in common are enough.
    @Test func longTextsAgreeByTheirWords() {
        func text(_ words: Range<Int>) -> String { words.map { "word\($0)" }.joined(separator: " ") }
        #expect(Self.agree(text(0..<90), text(10..<100)), "80 of 100")
        #expect(!Self.agree(text(0..<89), text(10..<100)), "79 of 100")
        #expect(Self.agree(text(0..<30) + ". The end", "the END, " + text(0..<30)), "in another order")
        #expect(!Self.agree(text(0..<19), text(0..<18)), "short texts are equal or not")
        #expect(!Self.agree(text(0..<100), text(100..<200)))
    }

    @Test func toolCallsAgreeByNameAndArguments() {
        func meaning(_ arguments: String, name: String = "look", id: String = "1") -> AnswerMeaning {
            AnswerMeaning(of: [
                "text": "",
                "tool_calls": [
                    ["id": .string(id), "type": "function", "function": ["name": .string(name), "arguments": .string(arguments)]]
                ],
            ])
        }
        #expect(meaning(#"{"x":1,"y":2}"#).agrees(with: meaning(#"{"y":2,"x":1}"#, id: "2")))
        #expect(!meaning(#"{"x":1}"#).agrees(with: meaning(#"{"x":2}"#)))
        #expect(!meaning("{}").agrees(with: meaning("{}", name: "ask")))
        #expect(!meaning("{}").agrees(with: AnswerMeaning(of: ["text": ""])))
    }

    /// Links through others make one cluster, whoever comes first.
    @Test func clustersAreLinked() {
        func candidate(_ position: Int, _ words: Range<Int>) -> Agreement.Candidate {
            let text = words.map { "w\($0)" }.joined(separator: " ")
            return Agreement.Candidate(position: position, answer: StrategyAnswer(meaning: AnswerMeaning(of: ["text": .string(text)])))
        }
        let candidates = [candidate(0, 0..<90), candidate(1, 200..<290), candidate(2, 20..<110), candidate(3, 10..<100)]
        var agreement = Agreement(candidates)
        #expect(agreement.clusters == [[0, 2, 3], [1]])
        var reversed = Agreement(candidates.reversed())
        #expect(reversed.largest(of: 4) == agreement.largest(of: 4))
    }

    @Test(arguments: [
        ("1", "1"), ("1.0", "1"), ("10", "1e1"), ("1000e-3", "1"), ("-0.0", "0"), ("0.10", "1e-1"), ("12.5E+2", "125e1"), ("-7", "-7"),
        ("1e999999999999999999999", "1e999999999999999999999"),
    ])
    func numbersAreWrittenOneWay(literal: String, canonical: String) {
        #expect(JSONNumber(checked: literal).canonical.literal == canonical)
    }

    @Test func confidenceIsTheGeometricMean() throws {
        func token(_ logprob: JSONValue) -> JSONValue { ["token": "x", "logprob": logprob] }
        #expect(Confidence.score(ofTokens: []) == nil)
        #expect(Confidence.score(ofTokens: [["token": "x"], token("no number")]) == nil)
        #expect(Confidence.score(ofTokens: [token(0)]) == 1)
        #expect(Confidence.score(ofTokens: [token(5)]) == 1, "no probability is above 1")
        let half = try #require(Confidence.score(ofTokens: [token(-0.25), token(-1.136_294_361_119_890_6), token(.null)]))
        #expect(abs(half - 0.5) < 1e-9, "√(e^-0.25 · e^-1.136…) = e^-0.693… = 0.5")
        #expect(Confidence.score(ofTokens: [token(-9999)]) ?? 1 < 1e-300)
    }
}
