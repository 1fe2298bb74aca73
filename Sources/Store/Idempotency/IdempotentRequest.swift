public import FoundationEssentials

/// The name that a caller gives to a request, so that it can be sent again without being done twice.
public struct IdempotencyKey: Sendable, Hashable {
    /// Who chose the name: those of one kind do not collide with those of another.
    public enum Source: String, Sendable, Hashable, CaseIterable {
        /// The header `Idempotency-Key`.
        case http
        /// A message's `message_id`.
        case amqp
    }

    public static let length = 1...255

    /// Whether a text can be a key: printable ASCII.
    public static func allows(_ text: String) -> Bool {
        length.contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    public var userID: UUID
    public var source: Source
    /// 1 to 255 characters.
    public var text: String

    public init(userID: UUID, source: Source, text: String) {
        self.userID = userID
        self.source = source
        self.text = text
    }
}

/// A key, and what was asked under it.
public struct IdempotentRequest: Sendable, Hashable {
    public var key: IdempotencyKey
    /// SHA-256; see `RequestDigest`.
    public var digest: [UInt8]

    public init(key: IdempotencyKey, digest: [UInt8]) {
        self.key = key
        self.digest = digest
    }
}
