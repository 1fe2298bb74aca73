import Domain
import Testing

@testable import Engines
@testable import Operations

@Suite(.timeLimit(.minutes(2))) struct EventTemplateTests {
    private func make(_ event: String, saying piece: String, unread: [String] = []) -> EventTemplate? {
        EventTemplate(Array(event.utf8), saying: piece, unread: unread)
    }

    private let event = #"{"id":"c","created":1700000000,"choices":[{"delta":{"content":"one"},"finish_reason":null}],"pad":"xy"}"#

    @Test func theNextEventDiffersInItsPiece() throws {
        let template = try #require(make(event, saying: "one", unread: ["created", "pad", "missing"]))
        func piece(_ from: String, _ to: String) -> String? {
            template.reading(of: Array(event.replacing(from, with: to).utf8)[...])?.piece
        }
        func piece(_ other: String) -> String? { piece("one", other) }
        #expect(piece(" two") == " two")
        #expect(piece("") == "")
        #expect(piece("ü😀") == "ü😀")
        #expect(piece(#"\n"#) == nil, "escapes are for the parser")
        #expect(piece("a\u{1}") == nil)
        #expect(piece(#"one","x":"y"#) == nil)
        #expect(piece("null", #""stop""#) == nil)
        #expect(piece("1700000000", "1700000001") == "one")
        #expect(piece("1700000000", "0") == "one")
        for number in ["01", "1.5", "-1", "1e2", "", "null", "1234567890123456789", "\"1\""] { #expect(piece("1700000000", number) == nil) }
        #expect(piece("xy", "") == "one")
        #expect(piece("xy", "ü") == nil, "nobody looks at its UTF-8")
        #expect(piece(#"{"id""#, #" {"id""#) == nil)
        for end in 0..<event.utf8.count { #expect(template.reading(of: Array(event.utf8.prefix(end))[...]) == nil) }
        #expect(template.reading(of: (Array(event.utf8) + [0x20])[...]) == nil)
        var broken = Array(event.utf8)
        broken[broken.firstIndex(of: UInt8(ascii: "o")) ?? 0] = 0xFF
        #expect(template.reading(of: broken[...]) == nil)
        let filled = #"{"id":"c","created":7,"choices":[{"delta":{"content":"z"},"finish_reason":null}],"pad":"z"}"#
        #expect(template.filled(with: "z") == Array(filled.utf8))
    }

    @Test func theNextEventDiffersInItsCounts() throws {
        let event = #"{"usage":{"out":5,"in":12},"id":3}"#
        func make(_ counted: [String]) -> EventTemplate? {
            EventTemplate(Array(event.utf8), saying: nil, unread: ["id"], counted: counted)
        }
        let template = try #require(make(["in", "out"]))
        func reading(_ from: String, _ to: String) -> EventTemplate.Reading? {
            template.reading(of: Array(event.replacing(from, with: to).utf8)[...])
        }
        #expect(reading("", "") == EventTemplate.Reading(piece: "", counts: [12, 5]))
        #expect(reading("12", "0")?.counts == [0, 5])
        #expect(reading("5", "123456789012345678")?.counts == [12, 123_456_789_012_345_678])
        #expect(reading("3", "4")?.counts == [12, 5])
        for number in ["01", "1.5", "-1", "1e2", "", "null", "1234567890123456789", "\"1\""] { #expect(reading("5", number) == nil) }
        #expect(template.filled(with: "z") == Array(#"{"usage":{"out":7,"in":7},"id":7}"#.utf8))
        #expect(make(["in", "missing"]) == nil)
        #expect(make(["usage"]) == nil, "it is no number")
    }

    /// An engine that counts otherwise in one event than in all others is read right all the same.
    @Test func countsAreThoseOfTheEvent() throws {
        var learned = LearnedEvents()
        for (prompt, completion, total) in [(1, 2, 3), (10, 20, 30), (0, 0, 0), (4, 5, 9)] {
            let text = #"data: {"model":"m","choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"# + "\n\n"
            let usage = #"{"prompt_tokens":\#(prompt),"completion_tokens":\#(completion),"total_tokens":\#(total)}"#
            let stream = text + #"data: {"model":"m","choices":[],"usage":\#(usage)}"# + "\n\ndata: [DONE]\n\n"
            let reply = try StreamedReply.read(OpenAIChat(), "text/event-stream", [Array(stream.utf8)], learned: &learned).get()
            #expect(reply.usage == TokenUsage(promptTokens: prompt, completionTokens: completion, totalTokens: total))
        }
    }

    @Test func thereIsNoTemplateWhereThePieceIsNotPlain() {
        #expect(make(event, saying: "") == nil)
        #expect(make(event, saying: "c") != nil, "what the piece means is for the reader to find out")
        #expect(make(event, saying: "on") == nil, "it says no such thing")
        #expect(make(#"{"a":"one","b":"one"}"#, saying: "one") == nil)
        #expect(make(#"{"one":"one"}"#, saying: "one") == nil)
        #expect(make(#"{"a":"b","c":":"}"#, saying: ":") == nil, "so looks what stands between two strings")
        #expect(make(#"{"a":"\u006fne","b":"x"}"#, saying: "x") == nil)
        #expect(make(#"{"pad":"one"}"#, saying: "one", unread: ["pad"]) == nil)
    }

    /// What a stream says does not depend on how its events are read: every kind of event, in every order, with words that look like what
    /// stands around them.
    @Test(arguments: [OpenAIChat() as any WireFormat, AnthropicMessages(), GeminiContent(), OllamaChat()])
    func readsWhatTheParserReads(format: any WireFormat) {
        var dice = SplitMix64(state: 0xC0FFEE)
        var answers = 0
        var learned = LearnedEvents()
        for round in 0..<4_000 {
            var kind = 0
            let events = (0..<1 + dice.next() % 12).map { _ -> String in
                // Several of a kind in a row, or no template would ever be met.
                if dice.next() % 3 == 0 { kind = Int(dice.next() % 9) }
                return Self.event(format, kind, word: Self.words[Int(dice.next() % UInt64(Self.words.count))], number: dice.next() % 3)
            }
            let isLines = format is OllamaChat
            let bytes = Array(events.map { isLines ? "\($0)\n" : "data: \($0)\n\n" }.joined().utf8)
            let cut = Int(dice.next() % UInt64(bytes.count))
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
            let type = isLines ? "application/x-ndjson" : "text/event-stream"
            let read = StreamedReply.read(format, type, pieces, learned: &learned)
            let parsed = StreamedReply.readEachEvent(format, type, pieces)
            if read != parsed { Issue.record("round \(round): \(read), but parsed \(parsed): \(events)") }
            if case .success(let reply) = read, !reply.text.isEmpty { answers += 1 }
        }
        #expect(answers > 400, "most streams say something")
    }

    private static let words = [
        "one", " two", "", "ü", "😀", "\\n", "\\u00fc", "\\\"", ":", ",", "m", "text", "content", "text_delta", "stop", "[DONE]", "other",
        "0", "null",
        "\u{FFFD}", String(repeating: "long ", count: 40),
    ]

    /// One event of a format's nine; some are none that a server would send.
    private static func event(_ format: any WireFormat, _ kind: Int, word: String, number: UInt64) -> String {
        let end = number == 0 ? #","finish_reason":"stop""# : ""
        switch (format, kind) {
        case (is OpenAIChat, 0...2):
            return #"{"id":"c","created":\#(number),"model":"m","choices":[{"index":0,"delta":{"content":"\#(word)"}\#(end)}]}"#
        case (is OpenAIChat, 3) where number == 0:
            return #"{"id":"\#(word.count)","model":"\#(word.count % 2)","choices":[{"delta":{"role":"assistant","content":""}}]}"#
        case (is OpenAIChat, 3) where number == 1:
            return #"{"id":"c","choices":[{"delta":{},"finish_reason":"\#(word.count % 2 == 0 ? "stop" : "length")"}]}"#
        case (is OpenAIChat, 3): return #"{"choices":[{"delta":{"reasoning":"\#(word)"}}],"obfuscation":"\#(number)"}"#
        case (is OpenAIChat, 4): return #"{"choices":[{"index":\#(number),"delta":{"content":"\#(word)"}},{"index":0,"delta":{}}]}"#
        case (is OpenAIChat, 5): return #"{"choices":[{"delta":{"content":"\#(word)"},"logprobs":{"content":[{"token":"\#(word)"}]}}]}"#
        case (is OpenAIChat, 6): return #"{"choices":[{"delta":{"content":"\#(word)","refusal":"x"}}]}"#
        case (is OpenAIChat, 7) where number == 0: return #"{"choices":[{"delta":{"content":"\#(word)"}}],"usage":{"prompt_tokens":1}}"#
        case (is OpenAIChat, 7):
            let completion = number == 1 ? #","completion_tokens":\#(word.count)"# : ""
            return #"{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":\#(word.utf8.count)\#(completion),"total_tokens":9}}"#
        case (is OpenAIChat, _):
            return #"{"choices":[{"delta":{"content":"\#(word)","tool_calls":[{"index":\#(number),"function":{"arguments":"x"}}]}}]}"#
        case (is AnthropicMessages, 0...2):
            return #"{"type":"content_block_delta","index":\#(number),"delta":{"type":"text_delta","text":"\#(word)"}}"#
        case (is AnthropicMessages, 3): return #"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"\#(word)"}}"#
        case (is AnthropicMessages, 4):
            return #"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\#(word)"}}"#
        case (is AnthropicMessages, 5):
            return #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"\#(word)"}}"#
        case (is AnthropicMessages, 6):
            return #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"\#(word)"}}"#
        case (is AnthropicMessages, 7):
            return #"{"type":"message_start","message":{"model":"\#(word)","usage":{"input_tokens":\#(number)}}}"#
        case (is AnthropicMessages, _):
            return number == 0 ? #"{"type":"message_stop"}"# : #"{"type":"message_delta","delta":{"stop_reason":"\#(word)"}}"#
        case (is GeminiContent, 0...2):
            return #"{"candidates":[{"content":{"parts":[{"text":"\#(word)"}]}}],"modelVersion":"m"}"#
        case (is GeminiContent, 3): return #"{"candidates":[{"content":{"parts":[{"text":"\#(word)","thought":true}]}}]}"#
        case (is GeminiContent, 4): return #"{"candidates":[{"content":{"parts":[{"text":"o"},{"text":"ne"}]}}],"modelVersion":"\#(word)"}"#
        case (is GeminiContent, 5): return #"{"candidates":[{"content":{"parts":[{"text":"\#(word)"},{"functionCall":{"name":"f"}}]}}]}"#
        case (is GeminiContent, 6):
            return #"{"candidates":[{"content":{"parts":[{"text":"\#(word)"}]}}],"usageMetadata":{"promptTokenCount":\#(number)}}"#
        case (is GeminiContent, 7): return #"{"promptFeedback":{"blockReason":"\#(word)"}}"#
        case (is GeminiContent, _): return #"{"candidates":[{"content":{"parts":[{"text":"\#(word)"}]},"finishReason":"STOP"}]}"#
        case (_, 0...2): return #"{"created_at":"\#(number)","model":"m","message":{"content":"\#(word)"},"done":false}"#
        case (_, 3): return #"{"message":{"content":"","thinking":"\#(word)"}}"#
        case (_, 4): return #"{"message":{"content":"\#(word)","thinking":"\#(word)"}}"#
        case (_, 5): return #"{"message":{"content":"\#(word)"},"logprobs":[{"token":"x"}]}"#
        case (_, 6): return #"{"message":{"content":"\#(word)","tool_calls":[{"function":{"name":"f"}}]}}"#
        case (_, 7): return #"{"error":"\#(word)"}"#
        default: return #"{"message":{"content":"\#(word)"},"done":true,"done_reason":"\#(word)","eval_count":\#(number)}"#
        }
    }
}
