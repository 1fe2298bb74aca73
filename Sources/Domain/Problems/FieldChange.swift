/// What a PATCH says of one field: a field that is missing stays as it is, a field that is null is cleared (RFC 7396).
public enum FieldChange<Value: Sendable & Hashable>: Sendable, Hashable {
    case unchanged
    case set(Value?)

    public var isChange: Bool { self != .unchanged }

    /// The new value; nil where there is none.
    public var value: Value? { if case .set(let value) = self { value } else { nil } }
}

extension FieldReader {
    /// Reads a field that may be missing, null or a value.
    mutating func change<Value>(_ key: String, _ read: (inout FieldReader) -> Value?) -> FieldChange<Value> {
        let value = read(&self)
        return object[key] == nil ? .unchanged : .set(value)
    }

    /// Reads a field that may be missing, but not null.
    mutating func replacement<Value>(_ key: String, _ read: (inout FieldReader) -> Value?) -> Value? {
        if let value = object[key], value.isNull { fail(key, "cannot be null") }
        return read(&self)
    }
}
