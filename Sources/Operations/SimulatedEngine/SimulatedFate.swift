/// What becomes of one call: how long it waits and how it ends.
struct SimulatedFate: Equatable {
    enum Ending: Equatable {
        case answer
        /// An error in the dialect's shape; `retryAfter` in seconds.
        case status(Int, retryAfter: Int?)
        /// A head that promises more than comes before the connection closes; in a stream, half of an event.
        case cut
        /// The answer begins, and stands still.
        case stall
        /// An error that is told when half of a stream is out; for an answer in one piece, 529.
        case complaint
        case garbage(Garbage)
    }

    /// Ways to answer 200 with something that is no answer.
    enum Garbage: String, CaseIterable {
        /// Bytes that are no JSON.
        case text
        /// A page with `text/html`.
        case html
        /// JSON with a string that is not UTF-8.
        case utf8
        /// JSON without an answer in it.
        case empty
        /// An answer that says it is plain text.
        case type
        /// A body of 50 MiB; in a stream, one event of them.
        case huge
    }

    var latency: Duration
    var ending: Ending
    /// The answer, in place of an echo.
    var words: String?

    /// Throws the dice for call number `number`.
    ///
    /// Each call has dice of its own, so that the n-th call's fate does not depend on how calls overlap.
    init(number: UInt64, seed: UInt64, configuration: SimulatedEngineConfiguration) {
        var dice = SplitMix64(state: seed &+ number &* 0x9E37_79B9_7F4A_7C15)
        latency = configuration.latency
        if configuration.jitter > .zero {
            latency = max(.zero, latency + configuration.jitter * (2 * dice.unit() - 1))
        }
        ending = .answer
        guard configuration.errorRate > 0, dice.unit() < configuration.errorRate else { return }
        switch dice.next() % 3 {
        case 0: ending = .status(429, retryAfter: 1)
        case 1: ending = .status(500, retryAfter: nil)
        default: ending = .status(529, retryAfter: nil)
        }
    }

    init(latency: Duration, ending: Ending) {
        self.latency = latency
        self.ending = ending
    }

    /// Overrides the dice with a command such as `status=429;retry-after=2`, `latency=500ms`, `say=yes`, `cut` or `garbage=html`.
    ///
    /// Returns what it does not understand, for a 400.
    mutating func obey(_ command: String) -> String? {
        for part in command.split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmed }
            let value = pair.count == 2 ? pair[1] : ""
            switch (pair.first ?? "", value) {
            case ("", ""): continue
            case ("ok", ""): ending = .answer
            case ("say", _): words = value
            case ("cut", ""): ending = .cut
            case ("stall", ""): ending = .stall
            case ("error", ""): ending = .complaint
            case ("garbage", ""): ending = .garbage(.text)
            case ("garbage", _):
                guard let garbage = Garbage(rawValue: value) else { return "garbage=\(value)" }
                ending = .garbage(garbage)
            case ("latency", _):
                guard let duration = Duration(milliseconds: value) else { return "latency=\(value)" }
                latency = duration
            case ("status", _):
                guard let status = Int(value), (400...599).contains(status) else { return "status=\(value)" }
                ending = .status(status, retryAfter: nil)
            case ("retry-after", _):
                guard case .status(let status, _) = ending, let seconds = Int(value), seconds >= 0 else { return "retry-after=\(value)" }
                ending = .status(status, retryAfter: seconds)
            default: return String(part)
            }
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension Duration {
    /// `500ms`, `2s` or `1m`, an hour at most.
    fileprivate init?(milliseconds text: String) {
        let units: [(String, Int)] = [("ms", 1), ("s", 1_000), ("m", 60_000)]
        guard let (suffix, scale) = units.first(where: { text.hasSuffix($0.0) }),
            let count = Int(text.dropLast(suffix.count)), (0...3_600_000 / scale).contains(count)
        else { return nil }
        self = .milliseconds(count * scale)
    }
}
