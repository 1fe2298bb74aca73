import Domain

/// A streamed answer as a list of what happens: pure, so that a fault is a list of its own.
struct SimulatedScript: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        case write([UInt8])
        /// Between two tokens.
        case pause
        /// The connection stands still until the caller gives up, a minute at most.
        case stall
        /// The connection is closed, in the middle of whatever was said.
        case cut
    }

    var contentType: String
    var steps: [Step]

    init(_ ending: SimulatedFate.Ending, _ question: SimulatedQuestion, _ completion: SimulatedCompletion) {
        let dialect = question.dialect
        let events = dialect.events(completion, countsTokens: question.countsStream)
        contentType = dialect.streamType
        let tokens = events.tokens.flatMap { [Step.pause, .write($0)] }
        let whole = events.opening.map(Step.write) + tokens + events.closing.map(Step.write)
        // Faults come when half of the tokens are out: what was said until then is worth keeping.
        let half = events.opening.map(Step.write) + tokens.prefix(tokens.count / 4 * 2)
        switch ending {
        case .answer, .status: steps = whole
        case .stall: steps = half + [.stall]
        case .cut:
            let next = events.closing.first ?? []
            steps = half + [.write(Array(next.prefix(next.count / 2))), .cut]
        case .complaint: steps = half + [.write(dialect.frame(dialect.error(529, "simulated", code: "overloaded")))]
        case .garbage(let garbage):
            steps = half + Self.steps(garbage, dialect) + whole.dropFirst(half.count)
            if garbage == .empty { steps = [.write(dialect.frame([:]))] }
            if garbage == .type { contentType = "text/plain" }
        }
    }

    private static func steps(_ garbage: SimulatedFate.Garbage, _ dialect: SimulatedDialect) -> [Step] {
        switch garbage {
        case .text: [.write(dialect.frame(bytes: Array(#"{"choices": [{"mess\#u{1}age""#.utf8)))]
        case .utf8:
            [.write(dialect.frame(bytes: Array(#"{"choices":[{"delta":{"content":""#.utf8) + [0xC3, 0x28] + Array(#""}}]}"#.utf8)))]
        case .huge:
            // One event that does not end.
            [.write(Array(dialect.frame(bytes: [UInt8(ascii: "{")]).dropLast(dialect == .ollama ? 1 : 2)))]
                + [Step](repeating: .write([UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)), count: 50)
        case .empty, .html, .type: []
        }
    }

    /// Neighbouring writes in one, where nothing lets time pass between them.
    func joined(pauses: Bool) -> [Step] {
        steps.reduce(into: []) { joined, step in
            switch (joined.last, step) {
            case (_, .pause) where !pauses: return
            case (.write(let before)?, .write(let bytes)) where before.count < 64 << 10:
                joined[joined.count - 1] = .write(before + bytes)
            default: joined.append(step)
            }
        }
    }
}
