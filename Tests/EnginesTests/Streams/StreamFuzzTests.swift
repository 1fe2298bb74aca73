import Domain
import Foundation
import Testing

@testable import Engines
@testable import Operations

/// Throws broken streams at the decoders and accumulators: nothing may crash, and a valid event may not be lost wherever it is cut.
///
/// `CHORUS_FUZZ_INPUTS=1000000 swift test -c release -Xswiftc -enable-testing --filter StreamFuzz` runs the million.
@Suite(.timeLimit(.minutes(60))) struct StreamFuzzTests {
    private static let inputs = ProcessInfo.processInfo.environment["CHORUS_FUZZ_INPUTS"].flatMap(Int.init) ?? 50_000
    /// The same in every run; another one is as good.
    private static let seed: UInt64 = 0x5EED

    /// The smallest streams that use every part of a format.
    private static let streams: [(format: any WireFormat, type: String, bytes: [UInt8])] = [
        (
            OpenAIChat(), "text/event-stream",
            Array(
                """
                : hello\r\ndata: {"model":"m","choices":[{"index":0,"delta":{"content":"é"},"logprobs":{"content":[{"token":"é"}]}}]}\r\n\r
                data: {"created":7,"choices":[{"delta":{"content":"one"},"finish_reason":null}],"obfuscation":"ab"}\n
                data: {"created":8,"choices":[{"delta":{"content":" 2ü"},"finish_reason":null}],"obfuscation":""}\n
                data: {"created":8,"choices":[{"delta":{"content":"\u{5C}n3"},"finish_reason":null}],"obfuscation":"c"}\n
                data: {"choices":[{"delta":{"reasoning_content":"so"}}]}\n\ndata: {"choices":[{"delta":{"reasoning_content":" be it"}}]}\n
                data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}\n
                data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":1}}\n
                data: [DONE]\n\n
                """.utf8)
        ),
        (
            AnthropicMessages(), "text/event-stream",
            Array(
                """
                event: message_start\ndata: {"type":"message_start",\ndata: "message":{"model":"m","usage":{"input_tokens":3}}}\n
                data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}\r\r\
                data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}\n
                data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"😀"}}\n
                data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" one"}}\n
                data: {"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"hm"}}\n
                data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":2}}\n
                data: {"type":"message_stop"}\n\n
                """.utf8)
        ),
        (
            GeminiContent(), "text/event-stream",
            Array(
                """
                data: {"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"text":"b"}]}}],"modelVersion":"m"}\r\n\r
                data: {"candidates":[{"content":{"parts":[{"text":"one"}]}}]}\r\n\r
                data: {"candidates":[{"content":{"parts":[{"text":"two"}]}}]}\r\n\r
                data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]},"finishReason":"STOP"}],\
                "usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}\r\n\r\n
                """.utf8)
        ),
        (
            OllamaChat(), "application/x-ndjson",
            Array(
                """
                {"model":"m","message":{"content":"é","thinking":"t"},"done":false,"logprobs":[{"token":"é","logprob":-1}]}\r
                {"created_at":"2026-11-01T00:00:00.1Z","message":{"content":" one"},"done":false}
                {"created_at":"2026-11-01T00:00:00.25Z","message":{"content":" two"},"done":false}
                {"message":{"tool_calls":[{"function":{"name":"f","arguments":{}}}]}}\n
                {"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}
                """.utf8)
        ),
    ]

    private static func read(_ stream: Int, _ pieces: [[UInt8]]) -> Result<EngineReply, EngineError> {
        var learned = LearnedEvents()
        return StreamedReply.read(streams[stream].format, streams[stream].type, pieces, learned: &learned)
    }

    @Test func aValidStreamMayBeCutAnywhere() throws {
        for (index, stream) in Self.streams.enumerated() {
            let bytes = stream.bytes
            let whole = try Self.read(index, [bytes]).get()
            for cut in 0...bytes.count {
                let reply = Self.read(index, [Array(bytes[..<cut]), Array(bytes[cut...])])
                #expect(reply == .success(whole), "\(stream.format) cut at \(cut)")
            }
            #expect(Self.read(index, bytes.map { [$0] }) == .success(whole), "\(stream.format) byte by byte")
            // A stream that breaks off is never taken for a whole one with other words.
            for end in 0..<bytes.count {
                guard case .success(let reply) = Self.read(index, [Array(bytes[..<end])]) else { continue }
                #expect(reply.text == whole.text && reply.extras == whole.extras, "\(stream.format) broken off at \(end)")
            }
        }
    }

    @Test func garbageCrashesNothing() {
        var dice = SplitMix64(state: Self.seed)
        var kinds: [String: Int] = [:]
        // Each stream comes after those before it, whatever they taught.
        var learned = [LearnedEvents](repeating: LearnedEvents(), count: Self.streams.count)
        for _ in 0..<Self.inputs {
            let stream = Int(dice.next() % UInt64(Self.streams.count))
            let bytes = Self.mutated(Self.streams[stream].bytes, &dice)
            let label: String
            let pieces = Self.cut(bytes, &dice)
            let (format, type, _) = Self.streams[stream]
            let result = StreamedReply.read(format, type, pieces, learned: &learned[stream])
            switch result {
            case .success: label = "answer"
            case .failure(let error): label = error.shortDescription
            }
            kinds[label, default: 0] += 1
            // What is recognised is what the parser would have read.
            let parsed = StreamedReply.readEachEvent(format, type, pieces)
            if parsed != result { Issue.record("\(bytes): \(result), but parsed \(parsed)") }
        }
        #expect(kinds.values.reduce(0, +) == Self.inputs)
        // Both the harmless and the deadly are met, or the dice are loaded.
        for kind in ["answer", "passing", "unknown"] { #expect(kinds[kind, default: 0] > 0, "\(kinds)") }
    }

    /// What is a piece does not change what is read, garbage or not.
    @Test func piecesDoNotMatter() {
        var dice = SplitMix64(state: ~Self.seed)
        for _ in 0..<Self.inputs / 10 {
            let stream = Int(dice.next() % UInt64(Self.streams.count))
            let bytes = Self.mutated(Self.streams[stream].bytes, &dice)
            let (whole, pieces) = (Self.read(stream, [bytes]), Self.read(stream, Self.cut(bytes, &dice)))
            #expect(whole == pieces, "\(bytes)")
        }
    }

    /// Bytes changed, lost, doubled, cut off, or thrown in: some of those that the framing lives from.
    private static func mutated(_ bytes: [UInt8], _ dice: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<1 + dice.next() % 4 {
            guard !bytes.isEmpty else { break }
            let index = Int(dice.next() % UInt64(bytes.count))
            switch dice.next() % 6 {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: dice.next())
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(framing[Int(dice.next() % UInt64(framing.count))], at: index)
            case 3: bytes.removeSubrange(index...)
            case 4: bytes += bytes[index...]
            default: bytes[index] = framing[Int(dice.next() % UInt64(framing.count))]
            }
        }
        return bytes
    }

    private static let framing = Array("\r\n: {}[]\",0-e\\u".utf8) + [0, 0xEF, 0xBB, 0xBF, 0xFF, 0xC3, 0x28]

    private static func cut(_ bytes: [UInt8], _ dice: inout SplitMix64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + 1 + Int(dice.next() % 64))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }
}
