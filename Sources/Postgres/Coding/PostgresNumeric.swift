/// A `numeric` as the server sends it: digits of base 10,000 (`numeric_send` in the server's `numeric.c`).
///
/// Only read, so that sums and averages can be had as `Int` or `Double`.
struct PostgresNumeric {
    private enum Sign {
        static let negative: UInt16 = 0x4000
        static let notANumber: UInt16 = 0xC000
        static let infinity: UInt16 = 0xD000
        static let negativeInfinity: UInt16 = 0xF000
    }

    /// The power of 10,000 of the first digit.
    private let weight: Int
    private let sign: UInt16
    private let digits: [UInt16]

    init(from cell: PostgresCell) throws(PostgresError) {
        var reader = PostgresReader(try cell.bytes(for: PostgresNumeric.self))
        let count = try reader.integer(as: Int16.self)
        weight = Int(try reader.integer(as: Int16.self))
        sign = try reader.integer()
        _ = try reader.integer(as: UInt16.self)
        var digits: [UInt16] = []
        for _ in 0..<max(0, count) { digits.append(try reader.integer()) }
        self.digits = digits
    }

    var double: Double {
        switch sign {
        case Sign.notANumber: return .nan
        case Sign.infinity: return .infinity
        case Sign.negativeInfinity: return -.infinity
        default: break
        }
        // Whole digits first and one division at the end: 0.15 becomes 15 / 100, the nearest double.
        var value = 0.0
        for digit in digits { value = value * 10_000 + Double(digit) }
        var exponent = weight - (digits.count - 1)
        var scale = 1.0
        while exponent < 0, scale < 1e300 {
            scale *= 10_000
            exponent += 1
        }
        value /= scale
        while exponent > 0, value.isFinite, value != 0 {
            value *= 10_000
            exponent -= 1
        }
        return sign == Sign.negative ? -value : value
    }

    /// The value if it is whole and fits.
    func integer() throws(PostgresError) -> Int64 {
        guard sign == 0 || sign == Sign.negative, digits.isEmpty || digits.count - 1 <= weight else {
            throw .decoding("a numeric is no whole number")
        }
        var value: Int64 = 0
        for index in 0..<(digits.isEmpty ? 0 : weight + 1) {
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10_000)
            // Subtracted, because the negative range is the larger one.
            let (difference, alsoOverflowed) = product.subtractingReportingOverflow(index < digits.count ? Int64(digits[index]) : 0)
            guard !overflowed, !alsoOverflowed else { throw .decoding("a numeric does not fit Int64") }
            value = difference
        }
        guard sign == 0 else { return value }
        guard value != .min else { throw .decoding("a numeric does not fit Int64") }
        return -value
    }
}
