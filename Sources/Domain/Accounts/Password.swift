/// A password as somebody chose or typed it. It never shows in a text.
public struct Password: Sendable, Hashable {
    public let text: String

    /// Characters of a new one: NIST SP 800-63B asks for length, and for nothing else.
    public static let leastLength = 12
    /// UTF-8 bytes: far more than anybody types, and little to hash.
    public static let mostBytes = 1_024

    /// One that somebody shows, whatever the rules were when it was chosen.
    public init(shown text: String) { self.text = text }

    /// One that somebody chooses for their account.
    ///
    /// - Throws: what is wrong with it, as the end of a sentence that begins with "the password".
    public init(choosing text: String, for email: EmailAddress?) throws(Unfit) {
        guard text.unicodeScalars.count >= Self.leastLength else {
            throw Unfit(reason: "must have at least \(Self.leastLength) characters")
        }
        guard text.utf8.count <= Self.mostBytes else { throw Unfit(reason: "must have at most \(Self.mostBytes) bytes") }
        guard text.lowercased() != email?.text else { throw Unfit(reason: "must not be the email address") }
        self.text = text
    }

    public struct Unfit: Error, Sendable, Hashable {
        public let reason: String

        public init(reason: String) { self.reason = reason }
    }
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "[redacted]" }
    public var debugDescription: String { description }
}

extension FieldReader {
    /// A password that somebody shows.
    mutating func shownPassword(_ key: String) -> Password? {
        guard let text = string(key, length: 1...Password.mostBytes) else { return nil }
        return Password(shown: text)
    }

    /// A password that somebody chooses.
    mutating func chosenPassword(_ key: String, for email: EmailAddress?) -> Password? {
        guard let text = string(key, length: 0...Int.max) else { return nil }
        do throws(Password.Unfit) {
            return try Password(choosing: text, for: email)
        } catch {
            fail(key, error.reason)
            return nil
        }
    }
}
