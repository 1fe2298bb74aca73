import Crypto
import FoundationEssentials

/// A key that a program shows to the gateway. Shown once, when it is made; the database holds its digest.
public struct APIKey: Sendable, Hashable {
    /// 32 random bytes behind a prefix by which leaked keys are found in texts.
    public let secret: String

    public static func random() -> APIKey {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return APIKey(unchecked: "chs_" + Self.hexadecimal(bytes))
    }

    private init(unchecked secret: String) { self.secret = secret }

    /// A key that a caller shows; nil where it cannot be one.
    public init?(presented text: String) {
        guard text.hasPrefix("chs_"), text.utf8.count <= 255 else { return nil }
        secret = text
    }

    /// What `api_keys.api_key` holds: SHA-256, in hexadecimal. A key has 256 random bits, so a slow hash would add nothing.
    public var digest: String { Self.hexadecimal(SHA256.hash(data: Data(secret.utf8))) }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        // Every request comes through here: one buffer for all digits.
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "[redacted]" }
    public var debugDescription: String { description }
}
