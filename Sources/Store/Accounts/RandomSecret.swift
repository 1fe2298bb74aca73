import Crypto
import FoundationEssentials

/// Secrets that Chorus makes itself: 256 random bits, so that a fast digest is enough to keep of them.
public enum RandomSecret {
    /// 32 random bytes in hexadecimal, behind a prefix by which leaked ones are found in texts.
    static func text(prefix: String) -> String {
        var generator = SystemRandomNumberGenerator()
        return prefix + hexadecimal((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// What is kept of one: SHA-256, in hexadecimal.
    public static func digest(of text: String) -> String { hexadecimal(SHA256.hash(data: Data(text.utf8))) }

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
