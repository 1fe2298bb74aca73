public import FoundationEssentials

/// Columns as the public JSON shows them: a missing value is null, ids are lower case, times are RFC 3339.
extension JSONValue {
    public init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
    public init(_ value: Int?) { self = value.map { .number(JSONNumber($0)) } ?? .null }
    public init(_ value: Double?) { self = value.flatMap(JSONNumber.init).map(JSONValue.number) ?? .null }
    public init(_ value: UUID?) { self = value.map { .string($0.text) } ?? .null }
    public init(_ value: Date?) { self = value.map { .string(RFC3339.text($0)) } ?? .null }
}
