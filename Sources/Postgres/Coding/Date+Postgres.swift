public import FoundationEssentials

extension Date: PostgresCodable, PostgresArrayElement {
    public static var postgresType: PostgresType { .timestamptz }
    public static var postgresArrayType: PostgresType { .timestamptzArray }

    /// PostgreSQL counts microseconds from 2000-01-01, Foundation seconds from 2001-01-01: 366 days later.
    private static let secondsBetweenEpochs: Double = 366 * 86_400

    /// Microseconds of `timestamptz` from 4713 BC up to, not including, the year 294277 (`MIN_TIMESTAMP`, `END_TIMESTAMP`).
    private static let range: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000

    /// Rounded to microseconds. What lies beyond PostgreSQL's range is refused, never clamped.
    public func encode(into buffer: inout PostgresBuffer) {
        let microseconds = ((timeIntervalSinceReferenceDate + Self.secondsBetweenEpochs) * 1_000_000).rounded()
        guard let value = Int64(exactly: microseconds), Self.range.contains(value) else {
            return buffer.fail("a date is out of PostgreSQL's range")
        }
        buffer.append(integer: value)
    }

    /// A `timestamp` without zone and a `date` are taken as UTC; `infinity` and `-infinity` are the distant future and past.
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> Date {
        switch cell.type {
        case .timestamptz, .timestamp:
            let microseconds = try cell.integer(Int64.self, for: Date.self)
            if microseconds == .max { return .distantFuture }
            if microseconds == .min { return .distantPast }
            // Whole seconds apart from the fraction, which keeps microseconds exact for present dates.
            let (seconds, fraction) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
            return Date(timeIntervalSinceReferenceDate: Double(seconds) - secondsBetweenEpochs + Double(fraction) / 1_000_000)
        case .date:
            let days = try cell.integer(Int32.self, for: Date.self)
            if days == .max { return .distantFuture }
            if days == .min { return .distantPast }
            return Date(timeIntervalSinceReferenceDate: Double(days) * 86_400 - secondsBetweenEpochs)
        default:
            _ = try cell.bytes(for: Date.self)
            throw cell.mismatch(Date.self)
        }
    }
}
