extension JSONValue {
    /// About how many bytes of memory the value takes beside its own place in another one: many small values take far more than their text.
    public var footprint: Int {
        switch self {
        case .null, .bool: 0
        case .number(let number): number.literal.utf8.count
        case .string(let string): string.utf8.count
        case .array(let elements): elements.reduce(32) { $0 + MemoryLayout<JSONValue>.stride + $1.footprint }
        case .object(let object): object.footprint
        }
    }
}

extension JSONObject {
    /// See ``JSONValue/footprint``. Reading an object makes room for ``reservedMembers`` at once.
    public var footprint: Int {
        members.reduce(32 + MemoryLayout<Member>.stride * max(Self.reservedMembers, members.count)) {
            $0 + $1.key.utf8.count + $1.value.footprint
        }
    }
}
