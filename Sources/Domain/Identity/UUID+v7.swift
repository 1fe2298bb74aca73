public import FoundationEssentials

extension UUID {
    /// A version 7 UUID (RFC 9562 §5.7): milliseconds since 1970 in the first 48 bits, the fraction of the millisecond in the next 12
    /// (§6.2, method 3), random bits behind them.
    ///
    /// Rows made together lie together in an index, and ids sort by the time they were made.
    public static func v7(at time: Date = Date()) -> UUID {
        var generator = SystemRandomNumberGenerator()
        return v7(at: time, using: &generator)
    }

    public static func v7(at time: Date, using generator: inout some RandomNumberGenerator) -> UUID {
        let time = max(0, time.timeIntervalSince1970 * 1_000)
        let milliseconds = UInt64(time)
        let fraction = UInt64((time - Double(milliseconds)) * 4_096)
        let low = generator.next()
        func byte(_ value: UInt64, _ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift) }
        return UUID(
            uuid: (
                byte(milliseconds, 40), byte(milliseconds, 32), byte(milliseconds, 24),
                byte(milliseconds, 16), byte(milliseconds, 8), byte(milliseconds, 0),
                0x70 | byte(fraction, 8) & 0x0F, byte(fraction, 0),
                0x80 | byte(low, 56) & 0x3F, byte(low, 48),
                byte(low, 40), byte(low, 32), byte(low, 24), byte(low, 16), byte(low, 8), byte(low, 0)
            ))
    }

    /// The id as users read it: lower case.
    public var text: String { uuidString.lowercased() }
}
