import Crypto
import CryptoExtras
import FoundationEssentials

/// A password's scrypt hash (RFC 7914) in PHC string form: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, both in base64 without padding.
public struct PasswordHash: Sendable {
    /// Cost parameters: memory is 128 · r · 2^ln bytes (32 MiB as it stands), which OWASP's password storage sheet accepts.
    static let logRounds = 15
    static let blockSize = 8
    static let parallelism = 1

    /// What `accounts.password_hash` holds.
    public let text: String

    public init(password: String) throws {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let key = try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: 32, rounds: 1 << Self.logRounds, blockSize: Self.blockSize,
            parallelism: Self.parallelism)
        let hash = key.withUnsafeBytes { Data($0) }
        text = "$scrypt$ln=\(Self.logRounds),r=\(Self.blockSize),p=\(Self.parallelism)$\(Self.encoded(Data(salt)))$\(Self.encoded(hash))"
    }

    private static func encoded(_ data: Data) -> String {
        String(data.base64EncodedString().prefix { $0 != "=" })
    }
}
