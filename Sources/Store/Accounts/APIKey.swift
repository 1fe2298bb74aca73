/// A key that a program shows to the gateway. Shown once, when it is made; the database holds its digest.
public struct APIKey: Sendable, Hashable {
    static let prefix = "chs_"

    public let secret: String

    public static func random() -> APIKey { APIKey(unchecked: RandomSecret.text(prefix: prefix)) }

    private init(unchecked secret: String) { self.secret = secret }

    /// A key that a caller shows; nil where it cannot be one.
    public init?(presented text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count <= 255 else { return nil }
        secret = text
    }

    /// What `api_keys.api_key` holds.
    public var digest: String { RandomSecret.digest(of: secret) }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "[redacted]" }
    public var debugDescription: String { description }
}
