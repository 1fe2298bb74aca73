/// A JSON number by its digits: neither 9007199254740993 nor 0.10 changes on its way through.
public struct JSONNumber: Sendable, Hashable {
    /// The number as JSON writes it.
    public let literal: String

    public init(_ value: some FixedWidthInteger) { literal = String(value) }

    /// nil for NaN and the infinities, which JSON cannot say.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        literal = "\(value)"
    }

    /// The fewest digits that tell this number from its neighbours; nil for NaN and the infinities.
    public init?(_ value: Float) {
        guard value.isFinite else { return nil }
        literal = "\(value)"
    }

    /// `literal` is known to be JSON's grammar for numbers.
    init(checked literal: String) { self.literal = literal }

    /// Also of `3.0` and `3e2`: JSON Schema calls a number with a zero fraction a whole one.
    public var intValue: Int? { Int(literal) ?? Double(literal).flatMap(Int.init(exactly:)) }
    public var doubleValue: Double? { Double(literal) }
}
