import Domain
import Store

/// What this worker has to tell the others of an engine.
enum GateNews: Sendable, Hashable {
    /// `pause` is how long the engine asks to be left alone.
    case close(GateReason, message: String, pause: Duration?, wasProbe: Bool)
    /// Its probe succeeded.
    case open
    /// Its probe was stopped, and tells nothing.
    case gaveUpProbe
}

extension EngineGate {
    /// How long a gate is closed at first by this worker's own opinion, until the database has said for how long.
    static let firstClosing = Duration.seconds(1)

    /// Closes or opens the gate after what a call has shown.
    mutating func judge(_ pass: Pass, _ verdict: CallVerdict, at now: Instant) {
        if pass.isProbe { return judgeProbe(verdict, at: now) }
        switch verdict {
        case .stopped: break
        case .refused(let reason, let pause, let message):
            // Those that were under way together are refused together: only one that asks for longer says something new.
            if let closure, pause.map({ now + $0 <= closure.until }) ?? true { break }
            close(reason, message, pause, at: now, wasProbe: false)
        case .works: _ = breaker.record(isBad: false, at: now)
        case .slow:
            guard breaker.record(isBad: true, at: now), closure == nil else { break }
            close(.circuit, "its answers take too long", nil, at: now, wasProbe: false)
        case .failed(let message):
            guard breaker.record(isBad: true, at: now), closure == nil else { break }
            close(.circuit, message, nil, at: now, wasProbe: false)
        }
    }

    private mutating func judgeProbe(_ verdict: CallVerdict, at now: Instant) {
        isProbing = false
        switch verdict {
        case .works, .slow:
            closure = nil
            askAt = nil
            breaker.reset()
            news = .open
        case .stopped:
            news = .gaveUpProbe
            askAt = now + Self.closingPatience
        case .refused(let reason, let pause, let message): close(reason, message, pause, at: now, wasProbe: true)
        case .failed(let message): close(.circuit, message, nil, at: now, wasProbe: true)
        }
    }

    private mutating func close(_ reason: GateReason, _ message: String, _ pause: Duration?, at now: Instant, wasProbe: Bool) {
        closure = Closure(reason: reason, message: message, until: now + max(pause ?? Self.firstClosing, Self.closingPatience * 2))
        news = .close(reason, message: message, pause: pause, wasProbe: wasProbe)
    }
}

extension GateReason {
    /// How long the first closing in a row lasts where the engine does not say, in seconds.
    var firstPause: Double { self == .circuit ? 5 : 1 }
}
