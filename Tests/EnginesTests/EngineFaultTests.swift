import Domain
import Operations
import TestSupport
import Testing

@testable import Engines

/// Every fault that an engine can have ends in its class, over real HTTP, in every format, with what had come of the answer.
@Suite(.timeLimit(.minutes(3))) struct EngineFaultTests {
    private struct Fault {
        var command: String
        /// As a stream, and in one piece.
        var streamed: EngineError.Kind
        var whole: EngineError.Kind
        var retryAfter: Duration?
        /// Half of the answer had come, where it streamed.
        var isPartial = false
        /// Stands in the error's message.
        var words = ""
        var limits = EngineLimits()
    }

    private static let faults = [
        Fault(command: "status=429;retry-after=2", streamed: .refused, whole: .refused, retryAfter: .seconds(2), words: "simulated"),
        Fault(command: "status=500", streamed: .passing, whole: .passing, words: "simulated"),
        Fault(command: "status=503", streamed: .refused, whole: .refused),
        Fault(command: "status=504", streamed: .unknown, whole: .unknown),
        Fault(command: "status=529", streamed: .refused, whole: .refused),
        Fault(command: "status=400", streamed: .permanent, whole: .permanent),
        Fault(command: "status=401", streamed: .permanent, whole: .permanent),
        Fault(command: "status=404", streamed: .permanent, whole: .permanent),
        Fault(command: "nonsense", streamed: .permanent, whole: .permanent, words: "unknown simulation: nonsense"),
        Fault(
            command: "latency=30s", streamed: .unknown, whole: .unknown, words: "first_byte_timeout: no answer began within 200ms",
            limits: EngineLimits(firstByteTimeout: .milliseconds(200))),
        Fault(
            command: "latency=30s", streamed: .unknown, whole: .unknown, words: "call_timeout: the call was not over within 500ms",
            limits: EngineLimits(timeout: .milliseconds(500))),
        Fault(
            command: "stall", streamed: .unknown, whole: .unknown, isPartial: true, words: "idle_timeout: the answer stood still for 500ms",
            limits: EngineLimits(idleTimeout: .milliseconds(500))),
        Fault(command: "cut", streamed: .unknown, whole: .unknown, isPartial: true, words: "connection_closed"),
        Fault(command: "error", streamed: .passing, whole: .refused, isPartial: true, words: "simulated"),
        Fault(command: "garbage", streamed: .passing, whole: .passing, isPartial: true, words: "not JSON"),
        Fault(command: "garbage=utf8", streamed: .passing, whole: .passing, isPartial: true, words: "not UTF-8"),
        Fault(command: "garbage=html", streamed: .passing, whole: .passing, words: "the answer (text/html) is not JSON"),
        Fault(command: "garbage=type", streamed: .passing, whole: .passing, words: "the answer (text/plain) is not JSON"),
        Fault(command: "garbage=empty", streamed: .unknown, whole: .passing),
        Fault(command: "garbage=huge", streamed: .permanent, whole: .permanent, isPartial: true),
    ]

    @Test(arguments: EngineType.allCases, [true, false])
    func faultsHaveTheirClasses(type: EngineType, streams: Bool) async throws {
        try await withSimulatedEngine { simulated in
            for fault in Self.faults {
                let engine = try simulated.engine(type, streams: streams, limits: fault.limits)
                let error = await failure(engine, ["prompt": "one two three", "simulate": .string(fault.command)])
                let told: Comment = "\(fault.command): \(error?.description ?? "no error")"
                #expect(error?.kind == (streams ? fault.streamed : fault.whole), told)
                #expect(error?.retryAfter == fault.retryAfter, told)
                #expect(error?.wasSent == true, told)
                #expect(error?.message.contains(fault.words) == true, told)
                #expect(error?.partial?.text == (streams && fault.isPartial ? "Simulated answer to:" : nil), told)
                if streams, fault.isPartial { #expect(error?.partial?.usage == Self.usage(type), told) }
            }
        }
    }

    /// What is known of the tokens when half of the answer is there: Anthropic counts the prompt first, Gemini as it goes.
    private static func usage(_ type: EngineType) -> TokenUsage? {
        switch type {
        case .openai, .ollama: nil
        case .anthropic: TokenUsage(promptTokens: 3, completionTokens: 1)
        case .gemini: TokenUsage(promptTokens: 3, completionTokens: 3)
        }
    }

    private func failure(_ engine: Engine, _ input: JSONObject, _ progress: AnswerProgress? = nil) async -> EngineError? {
        do {
            _ = try await engine.call(input, progress: progress)
            return nil
        } catch {
            return error
        }
    }

    /// An answer that is too large is not read to its end: by the session where it comes in one piece, by the decoder where one event is.
    @Test(arguments: [true, false]) func whatIsTooLargeIsCutOff(streams: Bool) async throws {
        try await withSimulatedEngine(maxAnswerBytes: streams ? 1 << 30 : 1 << 20) { simulated in
            let start = ContinuousClock.now
            let error = await failure(try simulated.engine(streams: streams), ["prompt": "x", "simulate": "garbage=huge"])
            #expect(error?.kind == .permanent)
            #expect(error?.message.contains(streams ? "one event of the answer has more than 4194304 bytes" : "body_too_large") == true)
            #expect(start.duration(to: .now) < .seconds(20))
        }
    }

    @Test func aCancelledCallKnowsItsText() async throws {
        try await withSimulatedEngine { simulated in
            let engine = try simulated.engine(.anthropic)
            let progress = AnswerProgress()
            progress.want()
            let call = Task { await failure(engine, ["prompt": "one two three", "simulate": "stall"], progress) }
            var text = ""
            try await eventually("half of it is here") {
                text += progress.take()?.text ?? ""
                return text == "Simulated answer to:"
            }
            call.cancel()
            let error = await call.value
            #expect(error?.kind == .cancelled)
            #expect(error?.partial == PartialAnswer(text: "Simulated answer to:", usage: Self.usage(.anthropic)))
        }
    }
}
