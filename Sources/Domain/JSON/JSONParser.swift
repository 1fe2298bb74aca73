/// Bounds on what a peer may send.
public struct JSONLimits: Sendable, Hashable {
    /// How deep arrays and objects may be nested.
    public var depth: Int

    public init(depth: Int = 32) { self.depth = depth }
}

extension JSONValue {
    /// Reads one JSON text that fills `bytes`, white space around it allowed.
    ///
    /// Stricter than RFC 8259 where a lax reader would lose something: keys are unique, strings are UTF-8 without U+0000 (PostgreSQL's
    /// `jsonb` refuses it), numbers fit `numeric`.
    public init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        let parsed = bytes.withUnsafeBufferPointer { Result(parsing: $0, limits: limits) }
        self = try parsed.get()
    }

    public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Reads straight from memory that somebody else owns, such as a network buffer.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, limits: limits)
        self = try parser.parseText()
    }
}

extension Result where Success == JSONValue, Failure == JSONError {
    fileprivate init(parsing bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        do { self = .success(try JSONValue(parsing: bytes, limits: limits)) } catch { self = .failure(error) }
    }
}

/// Recursive descent over the bytes; the depth limit bounds the stack.
struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    private var position = 0
    private var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func parseText() throws(JSONError) -> JSONValue {
        let value = try parseValue()
        skipWhiteSpace()
        guard position == bytes.count else { throw error("text after the end of the JSON value") }
        return value
    }

    private mutating func parseValue() throws(JSONError) -> JSONValue {
        skipWhiteSpace()
        switch peek {
        case UInt8(ascii: "{"): return .object(try parseObject())
        case UInt8(ascii: "["): return .array(try parseArray())
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: return .number(try parseNumber())
        case nil: throw error("unexpected end of the text")
        default: throw error("unexpected character")
        }
    }

    // MARK: Containers

    private mutating func parseObject() throws(JSONError) -> JSONObject {
        try descend()
        defer { depth -= 1 }
        var members: [JSONObject.Member] = []
        var seen: Set<String> = []
        if try startsEmpty(UInt8(ascii: "}")) { return JSONObject() }
        // Most objects have a few members: room for them at once, and not one by one.
        members.reserveCapacity(JSONObject.reservedMembers)
        while true {
            skipWhiteSpace()
            guard peek == UInt8(ascii: "\"") else { throw error("expected a key in double quotes") }
            let keyOffset = position
            let key = try parseString()
            if isRepeated(key, members, &seen) {
                throw JSONError(.duplicateKey, "the key \(excerpt(key)) stands twice in one object", offset: keyOffset)
            }
            skipWhiteSpace()
            guard take(UInt8(ascii: ":")) else { throw error("expected ':' after a key") }
            do throws(JSONError) {
                members.append(JSONObject.Member(key: key, value: try parseValue()))
            } catch {
                throw error.inside(key)
            }
            if try endsAfterElement(UInt8(ascii: "}")) { return JSONObject(unique: members) }
        }
    }

    private mutating func parseArray() throws(JSONError) -> [JSONValue] {
        try descend()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if try startsEmpty(UInt8(ascii: "]")) { return elements }
        while true {
            do throws(JSONError) {
                elements.append(try parseValue())
            } catch {
                throw error.inside("\(elements.count)")
            }
            if try endsAfterElement(UInt8(ascii: "]")) { return elements }
        }
    }

    private mutating func descend() throws(JSONError) {
        depth += 1
        guard depth <= limits.depth else {
            throw JSONError(.depth, "nested deeper than \(limits.depth) levels", offset: position)
        }
        position += 1
    }

    private mutating func startsEmpty(_ end: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        return take(end)
    }

    private mutating func endsAfterElement(_ end: UInt8) throws(JSONError) -> Bool {
        skipWhiteSpace()
        if take(UInt8(ascii: ",")) { return false }
        guard take(end) else { throw error("expected ',' or '\(Character(UnicodeScalar(end)))'") }
        return true
    }

    /// A few members are compared one by one; many are kept in a set, so that a large object costs no square of its size.
    private func isRepeated(_ key: String, _ members: [JSONObject.Member], _ seen: inout Set<String>) -> Bool {
        if members.count < 16 { return members.contains { $0.key == key } }
        if seen.isEmpty { seen = Set(members.map(\.key)) }
        return !seen.insert(key).inserted
    }

    // MARK: Scalars

    private mutating func parseWord(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let end = position + word.utf8CodeUnitCount
        guard end <= bytes.count else { throw error("unexpected end of the text") }
        for index in 0..<word.utf8CodeUnitCount where bytes[position + index] != word.utf8Start[index] {
            throw error("unexpected character")
        }
        position = end
        return value
    }

    private mutating func parseNumber() throws(JSONError) -> JSONNumber {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try skipDigits() }
        if take(UInt8(ascii: ".")) { try skipDigits() }
        var exponentStart: Int?
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            exponentStart = position
            try skipDigits()
        }
        let literal = String(decoding: bytes[start..<position], as: UTF8.self)
        let exponent = exponentStart.map { Int(String(decoding: bytes[$0..<position], as: UTF8.self)) ?? .max } ?? 0
        guard literal.utf8.count <= 400, exponent <= 400 else {
            throw JSONError(.number, "a number has more digits than can be stored", offset: start)
        }
        return JSONNumber(checked: literal)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        guard position > start else { throw error("expected a digit") }
    }

    private mutating func parseString() throws(JSONError) -> String {
        let start = position + 1
        let run = JSONPlainRun(in: bytes, from: start)
        // Most strings have no escape: their bytes are checked and copied at once.
        if run.end < bytes.count, bytes[run.end] == UInt8(ascii: "\"") {
            position = run.end + 1
            let span = UnsafeBufferPointer(rebasing: bytes[start..<run.end])
            // Most are ASCII, which needs no second look.
            return run.isASCII ? String(decoding: span, as: UTF8.self) : try string(span, offset: start)
        }
        position = start
        return try parseEscapedString()
    }

    private mutating func parseEscapedString() throws(JSONError) -> String {
        let start = position
        var unescaped: [UInt8] = []
        while true {
            let run = JSONPlainRun(in: bytes, from: position)
            unescaped.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[position..<run.end]))
            position = run.end
            switch peek {
            case UInt8(ascii: "\""):
                position += 1
                return try string(unescaped, offset: start)
            case UInt8(ascii: "\\"):
                position += 1
                try parseEscape(into: &unescaped)
            case nil: throw error("a string has no end")
            default: throw error("a control character stands unescaped in a string")
            }
        }
    }

    private mutating func parseEscape(into unescaped: inout [UInt8]) throws(JSONError) {
        guard let byte = peek else { throw error("a string has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): unescaped.append(contentsOf: String(Character(try parseUnicodeEscape())).utf8)
        default:
            position -= 1
            throw error("unknown escape in a string")
        }
    }

    private mutating func parseUnicodeEscape() throws(JSONError) -> UnicodeScalar {
        let offset = position - 2
        let high = try parseHexadecimal()
        guard high != 0 else { throw JSONError(.nul, "a string holds U+0000, which cannot be stored", offset: offset) }
        if let scalar = UnicodeScalar(high) { return scalar }
        guard high < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw loneSurrogate(offset) }
        let low = try parseHexadecimal()
        guard (0xDC00...0xDFFF).contains(low) else { throw loneSurrogate(offset) }
        let code = 0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        guard let scalar = UnicodeScalar(code) else { throw loneSurrogate(offset) }
        return scalar
    }

    private func loneSurrogate(_ offset: Int) -> JSONError {
        JSONError(.encoding, "a string holds half a surrogate pair", offset: offset)
    }

    private mutating func parseHexadecimal() throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw error("a string has no end") }
        var value: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw error("expected four hexadecimal digits") }
            value = value << 4 | UInt16(digit)
        }
        position += 4
        return value
    }

    private func string(_ bytes: some RandomAccessCollection<UInt8>, offset: Int) throws(JSONError) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(.encoding, "a string is not UTF-8", offset: offset)
        }
        return string
    }

    // MARK: Bytes

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func error(_ message: String) -> JSONError { JSONError(.syntax, message, offset: position) }

    private func excerpt(_ key: String) -> String { "\"\(key.prefix(60))\"" }
}
