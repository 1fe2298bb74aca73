public import FoundationEssentials

/// Reads the fields of a JSON object that a caller sent, and gathers all that is wrong with them.
///
/// Every field that is read is known from then on; `finish()` reports the others, so that a misspelt field is an error and no silence.
public struct FieldReader: Sendable {
    public let object: JSONObject
    /// The pointer of the object itself.
    public let pointer: String
    public private(set) var errors: [FieldError] = []
    /// Few, and each is looked for once at the most: a list is quicker than a set.
    private var known: [String] = []

    public init(_ object: JSONObject, at pointer: String = "") {
        self.object = object
        self.pointer = pointer
    }

    /// Reads a value that must be an object.
    init(reading value: JSONValue, at pointer: String = "") throws(Problem) {
        guard let object = value.objectValue else {
            throw .invalid([FieldError(pointer: pointer, detail: "must be an object, not \(value.kind)")])
        }
        self.init(object, at: pointer)
    }

    public mutating func fail(_ key: String, _ detail: String) {
        errors.append(FieldError(pointer: pointer(to: key), detail: detail))
    }

    /// Names a fault that stands deeper than a field of this object.
    mutating func fail(at pointer: String, _ detail: String) {
        errors.append(FieldError(pointer: pointer, detail: detail))
    }

    public mutating func append(_ more: [FieldError]) { errors += more }

    public func pointer(to key: String) -> String { pointer + "/" + JSONPointer.escaped(key) }

    /// The field's value; nil where it is missing or null.
    public mutating func value(_ key: String) -> JSONValue? {
        known.append(key)
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// A string of `length` characters.
    public mutating func string(_ key: String, length: ClosedRange<Int>) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.stringValue else { return wrongKind(key, "a string", value) }
        guard length.contains(string.unicodeScalars.count) else {
            fail(key, "must have \(length.lowerBound) to \(length.upperBound) characters")
            return nil
        }
        return string
    }

    public mutating func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = value(key) else { return nil }
        guard let integer = value.intValue else { return wrongKind(key, "a whole number", value) }
        guard range.contains(integer) else {
            fail(key, "must be \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    public mutating func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let value = value(key) else { return nil }
        guard let number = value.doubleValue else { return wrongKind(key, "a number", value) }
        guard range.contains(number) else {
            fail(key, "must be \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    public mutating func bool(_ key: String) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let bool = value.boolValue else { return wrongKind(key, "a boolean", value) }
        return bool
    }

    public mutating func object(_ key: String) -> JSONObject? {
        guard let value = value(key) else { return nil }
        guard let object = value.objectValue else { return wrongKind(key, "an object", value) }
        return object
    }

    public mutating func array(_ key: String, count: ClosedRange<Int>) -> [JSONValue]? {
        guard let value = value(key) else { return nil }
        guard let array = value.arrayValue else { return wrongKind(key, "an array", value) }
        guard count.contains(array.count) else {
            fail(key, "must have \(count.lowerBound) to \(count.upperBound) elements")
            return nil
        }
        return array
    }

    public mutating func date(_ key: String) -> Date? {
        guard let value = value(key) else { return nil }
        guard let text = value.stringValue else { return wrongKind(key, "a time (RFC 3339)", value) }
        guard let date = RFC3339.date(text) else {
            fail(key, "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z")
            return nil
        }
        return date
    }

    public mutating func uuid(_ key: String) -> UUID? {
        guard let value = value(key) else { return nil }
        guard let uuid = value.stringValue.flatMap(UUID.init(text:)) else {
            fail(key, "must be a UUID")
            return nil
        }
        return uuid
    }

    public mutating func oneOf(_ key: String, _ allowed: [String]) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.stringValue, allowed.contains(string) else {
            fail(key, "must be one of \(allowed.joined(separator: ", "))")
            return nil
        }
        return string
    }

    public mutating func require(_ key: String) {
        known.append(key)
        if object[key].map(\.isNull) ?? true { fail(key, "is required") }
    }

    /// Reports the fields that nobody read.
    public mutating func finish() {
        for key in object.keys where !known.contains(key) {
            fail(key, "is not a known field")
        }
    }

    private mutating func wrongKind<Value>(_ key: String, _ expected: String, _ value: JSONValue) -> Value? {
        fail(key, "must be \(expected), not \(value.kind)")
        return nil
    }
}
