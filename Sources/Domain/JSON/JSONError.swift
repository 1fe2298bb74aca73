/// Why a text is not JSON that Chorus takes, and where.
public struct JSONError: Error, Sendable, Hashable {
    public enum Code: String, Sendable, Hashable {
        /// Not JSON (RFC 8259).
        case syntax
        /// A string is not UTF-8, or holds half a surrogate pair.
        case encoding
        /// A string holds U+0000, which PostgreSQL's `jsonb` cannot store.
        case nul
        /// Arrays and objects are nested deeper than the limit.
        case depth
        /// A number has more digits, or a larger exponent, than `jsonb` stores.
        case number
        /// An object names a key twice.
        case duplicateKey
    }

    public var code: Code
    public var message: String
    /// Bytes from the start of the text.
    public var offset: Int
    /// Where in the value, as a JSON pointer (RFC 6901); empty at the root.
    public var pointer: String

    public init(_ code: Code, _ message: String, offset: Int) {
        self.code = code
        self.message = message
        self.offset = offset
        self.pointer = ""
    }

    func inside(_ token: String) -> JSONError {
        var error = self
        error.pointer = "/" + JSONPointer.escaped(token) + pointer
        return error
    }
}

/// RFC 6901.
public enum JSONPointer {
    /// A reference token with `~` and `/` escaped.
    public static func escaped(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        return token.reduce(into: "") { escaped, character in
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.append(character)
            }
        }
    }
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        "\(message) (byte \(offset)\(pointer.isEmpty ? "" : ", at \(pointer)"))"
    }
}
