extension JSONValue {
    /// A text that is the same for values that are the same: members are sorted by key, and numbers written one way.
    var canonicalText: String { canonical.text }

    private var canonical: JSONValue {
        switch self {
        case .null, .bool, .string: self
        case .number(let number): .number(number.canonical)
        case .array(let elements): .array(elements.map(\.canonical))
        case .object(let object):
            .object(
                JSONObject(
                    unique: object.members.map { JSONObject.Member(key: $0.key, value: $0.value.canonical) }.sorted { $0.key < $1.key }))
        }
    }
}

extension JSONNumber {
    /// The same number as whole digits without zeros at either end, and an exponent: 1, 1.0, 10e-1 and 1E0 are one number. Exact, since
    /// nothing is computed; a number whose exponent fits no `Int` stays as it is.
    var canonical: JSONNumber {
        let bytes = literal.lowercased().split(separator: "e", maxSplits: 1)
        guard let mantissa = bytes.first, let exponent = bytes.count == 2 ? Int(bytes[1]) : 0 else { return self }
        let isNegative = mantissa.hasPrefix("-")
        let parts = mantissa.drop { $0 == "-" }.split(separator: ".", maxSplits: 1)
        guard let whole = parts.first else { return self }
        let fraction = parts.count == 2 ? parts[1] : ""
        let digits = (whole + fraction).drop { $0 == "0" }
        guard let last = digits.lastIndex(where: { $0 != "0" }) else { return JSONNumber(0) }
        let zeros = digits.distance(from: last, to: digits.endIndex) - 1
        let (power, overflows) = exponent.addingReportingOverflow(zeros - fraction.count)
        guard !overflows else { return self }
        return JSONNumber(checked: "\(isNegative ? "-" : "")\(digits[...last])\(power == 0 ? "" : "e\(power)")")
    }
}
