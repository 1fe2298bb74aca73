import FoundationEssentials
import Synchronization

/// The time that ids are made of, in 4,096ths of a millisecond (244 ns), which is what a version 7 UUID has room for.
enum IDClock {
    static let ticksPerMillisecond: UInt64 = 4_096

    /// One that is set back by more than this was wrong before: its time is not kept up.
    static let longestStep: UInt64 = 60_000 * ticksPerMillisecond

    private static let last = Atomic<UInt64>(0)

    /// Now, and never what was given before: ids that are made faster than that, or after the clock was set back by a moment, go on from the
    /// last one (RFC 9562 §6.2, clock rollbacks).
    static func next() -> UInt64 {
        let now = ticks(at: Date())
        var seen = last.load(ordering: .relaxed)
        while true {
            let next = following(seen, at: now)
            let (isOurs, other) = last.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if isOurs { return next }
            seen = other
        }
    }

    static func following(_ last: UInt64, at now: UInt64) -> UInt64 { now > last || last - now > longestStep ? now : last + 1 }

    /// Of a moment before 1970: zero.
    static func ticks(at time: Date) -> UInt64 {
        let milliseconds = max(0, time.timeIntervalSince1970 * 1_000)
        let whole = UInt64(milliseconds)
        return whole * ticksPerMillisecond + UInt64((milliseconds - Double(whole)) * Double(ticksPerMillisecond))
    }
}
