import Crypto
import CryptoExtras
import FoundationEssentials

/// A password's scrypt hash (RFC 7914) in PHC string form: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, both in base64 without padding.
public struct PasswordHash: Sendable, Hashable {
    private static let saltLength = 16
    private static let hashLength = 32

    /// What `accounts.password_hash` holds.
    public let text: String
    public let cost: ScryptCost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Hashes a password: slow, and meant to be.
    public init(password: String, cost: ScryptCost = .standard) throws {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<Self.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let hash = try Self.derive(password, salt, Self.hashLength, cost).withUnsafeBytes { Array($0) }
        text = "$scrypt$\(cost.text)$\(Self.encoded(salt))$\(Self.encoded(hash))"
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Reads what the database holds; nil where that is no hash of this kind.
    public init?(stored text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", let cost = ScryptCost(parts[2]), let salt = Self.decoded(parts[3]),
            let hash = Self.decoded(parts[4]), (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        self.text = text
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    /// Whether it is the hash of this password; as slow as hashing it. The comparison takes the same time wherever they differ.
    public func matches(_ password: String) throws -> Bool {
        try Self.derive(password, salt, hash.count, cost) == SymmetricKey(data: hash)
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ length: Int, _ cost: ScryptCost) throws -> SymmetricKey {
        try KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: length, rounds: 1 << cost.logRounds, blockSize: cost.blockSize,
            parallelism: cost.parallelism)
    }

    private static func encoded(_ bytes: [UInt8]) -> String { String(Data(bytes).base64EncodedString().prefix { $0 != "=" }) }

    private static func decoded(_ text: Substring) -> [UInt8]? {
        Data(base64Encoded: text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)).map(Array.init)
    }
}

extension PasswordHash: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "[redacted]" }
    public var debugDescription: String { description }
}
