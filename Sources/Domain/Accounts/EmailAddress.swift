/// An email address as accounts are known by: in lower case, so that two ways of writing it are one account.
public struct EmailAddress: Sendable, Hashable {
    /// What `accounts.email` holds.
    public let text: String

    /// Characters: as long as RFC 5321 §4.5.3.1 lets a path be, without its brackets.
    public static let length = 3...254

    /// nil where the text is no address in the form that browsers take (the HTML standard's "valid e-mail address"): ASCII, one `@`, a name
    /// before it, labels of a host behind it. Whether somebody reads what is sent there only a letter can tell.
    public init?(_ text: String) {
        guard Self.length.contains(text.utf8.count) else { return nil }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy(Self.isNameByte),
            parts[1].split(separator: ".", omittingEmptySubsequences: false).allSatisfy(Self.isLabel)
        else { return nil }
        self.text = text.lowercased()
    }

    private static func isNameByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || ".!#$%&'*+/=?^_`{|}~-".utf8.contains(byte) }

    /// RFC 1034 §3.5.
    private static func isLabel(_ label: Substring) -> Bool {
        let bytes = label.utf8
        guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}

extension FieldReader {
    /// An email address.
    mutating func email(_ key: String) -> EmailAddress? {
        guard let text = string(key, length: EmailAddress.length) else { return nil }
        guard let address = EmailAddress(text) else {
            fail(key, "must be an email address, such as ada@example.org")
            return nil
        }
        return address
    }
}
