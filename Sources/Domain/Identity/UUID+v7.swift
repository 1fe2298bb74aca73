public import FoundationEssentials

extension UUID {
    /// A version 7 UUID (RFC 9562 §5.7): milliseconds since 1970 in the first 48 bits, the fraction of the millisecond in the next 12
    /// (§6.2, method 3), random bits behind them.
    ///
    /// Rows made together lie together in an index, and ids sort in the order in which the process made them, also when the clock is set back
    /// a little.
    public static func v7() -> UUID {
        var generator = IDRandomness()
        return v7(ticks: IDClock.next(), using: &generator)
    }

    /// The version 7 UUID of a moment: those of one moment come in any order.
    public static func v7(at time: Date) -> UUID {
        var generator = IDRandomness()
        return v7(at: time, using: &generator)
    }

    public static func v7(at time: Date, using generator: inout some RandomNumberGenerator) -> UUID {
        v7(ticks: IDClock.ticks(at: time), using: &generator)
    }

    private static func v7(ticks: UInt64, using generator: inout some RandomNumberGenerator) -> UUID {
        let (milliseconds, fraction) = ticks.quotientAndRemainder(dividingBy: IDClock.ticksPerMillisecond)
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

    /// The id as users read it (RFC 9562 §4): hexadecimal digits in lower case, in five groups.
    public var text: String {
        String(unsafeUninitializedCapacity: Self.textLength) { text in
            var place = 0
            withUnsafeBytes(of: uuid) { bytes in
                for (index, byte) in bytes.enumerated() {
                    if Self.beginsGroup(index) {
                        text[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    text[place] = Self.digit(byte >> 4)
                    text[place + 1] = Self.digit(byte & 15)
                    place += 2
                }
            }
            return place
        }
    }

    /// Reads an id in either case; nil for anything else than digits and hyphens in their places.
    public init?(text: String) {
        var text = text
        let id = text.withUTF8 { text -> uuid_t? in
            guard text.count == Self.textLength else { return nil }
            var id: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            let isID = withUnsafeMutableBytes(of: &id) { bytes in
                var place = 0
                for index in bytes.indices {
                    if Self.beginsGroup(index) {
                        guard text[place] == UInt8(ascii: "-") else { return false }
                        place += 1
                    }
                    guard let high = Self.value(text[place]), let low = Self.value(text[place + 1]) else { return false }
                    bytes[index] = high << 4 | low
                    place += 2
                }
                return true
            }
            return isID ? id : nil
        }
        guard let id else { return nil }
        self.init(uuid: id)
    }

    private static let textLength = 36

    /// A hyphen stands before this byte.
    private static func beginsGroup(_ index: Int) -> Bool { index == 4 || index == 6 || index == 8 || index == 10 }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
