import Crypto
import Domain
import FoundationEssentials

/// A JSON Web Token (RFC 7519) in compact form, signed with Ed25519 (RFC 8037).
///
/// There is one algorithm and one form: a header says what a gateway writes into it, or the token is none. So nobody can choose how it is
/// checked, with `none`, another key in the header, or an algorithm of another kind (RFC 8725 §2.1).
struct SignedToken {
    /// Bytes of one: more is none of ours.
    static let limit = 1_024

    /// `kid`: the key that it says it was signed with.
    let keyID: UUID
    /// What it says; not to be believed before `isSigned(by:)`.
    let payload: JSONValue
    private let signed: [UInt8]
    private let signature: [UInt8]

    /// Writes a token.
    static func text(_ payload: JSONValue, keyID: UUID, key: Curve25519.Signing.PrivateKey) throws -> String {
        let signed = Base64URL.text(header(keyID).serialized()) + "." + Base64URL.text(payload.serialized())
        return signed + "." + Base64URL.text(Array(try key.signature(for: Array(signed.utf8))))
    }

    /// Reads a token; nil where it has another form than those that are written here.
    init?(_ text: String) {
        guard text.utf8.count <= Self.limit else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.json(parts[0]), let payload = Self.json(parts[1]),
            let signature = Base64URL.bytes(parts[2]), signature.count == 64,
            let keyID = header["kid"]?.stringValue.flatMap({ UUID(text: $0) }), header == Self.header(keyID)
        else { return nil }
        self.keyID = keyID
        self.payload = payload
        self.signature = signature
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    func isSigned(by key: Curve25519.Signing.PublicKey) -> Bool { key.isValidSignature(signature, for: signed) }

    private static func header(_ keyID: UUID) -> JSONValue { ["alg": "EdDSA", "typ": "JWT", "kid": .string(keyID.text)] }

    private static func json(_ part: Substring) -> JSONValue? {
        Base64URL.bytes(part).flatMap { try? JSONValue(parsing: $0, limits: JSONLimits(depth: 4)) }
    }
}
