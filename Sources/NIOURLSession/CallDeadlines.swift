import NIOCore

/// Which of a call's time limits runs out next, as a value without clock or timer.
///
/// The call keeps one timer for all limits: it wakes at ``wake(after:)``, asks ``expired(at:)``, and sleeps again if a sign of life came in
/// between. A sign of life never moves the timer, so the usual call sets it once.
struct CallDeadlines {
    private enum Phase {
        /// Waits for the answer's head. Can transition to receiving.
        case sent(NIODeadline)
        /// Waits for the next piece. Can transition to held.
        case receiving(NIODeadline)
        /// The reader holds the stream back. Can transition to receiving.
        case held
    }

    private let firstByte: TimeAmount
    private let idle: TimeAmount
    private let callEnd: NIODeadline
    private var phase: Phase

    init(start: NIODeadline, timeouts: NIOURLSessionTimeouts) {
        self.firstByte = TimeAmount(timeouts.firstByte)
        self.idle = TimeAmount(timeouts.idle)
        self.callEnd = start + TimeAmount(timeouts.call)
        self.phase = .sent(start)
    }

    mutating func sent(at now: NIODeadline) {
        if case .sent = phase { phase = .sent(now) }
    }

    mutating func received(at now: NIODeadline) {
        phase = .receiving(now)
    }

    mutating func held() {
        phase = .held
    }

    /// When to look again: never later than one idle limit from now, since any moment may begin one.
    func wake(after now: NIODeadline) -> NIODeadline {
        let limit =
            switch phase {
            case .sent(let since): min(callEnd, since + firstByte)
            case .receiving(let since): min(callEnd, since + idle)
            case .held: callEnd
            }
        return min(limit, now + idle)
    }

    /// The limit that has run out, if one has.
    func expired(at now: NIODeadline) -> NIOURLSessionError.Code? {
        if now >= callEnd { return .callTimeout }
        return switch phase {
        case .sent(let since) where now >= since + firstByte: .firstByteTimeout
        case .receiving(let since) where now >= since + idle: .idleTimeout
        default: nil
        }
    }
}
