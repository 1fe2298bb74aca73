import Crypto
import Domain
import Foundation
import Testing

@testable import Gateway

@Suite struct SignedTokenTests {
    private let key = Curve25519.Signing.PrivateKey()
    private let keyID = UUID()

    private func token(header: JSONValue? = nil, payload: String = #"{"a":1}"#) throws -> String {
        let header = header ?? ["alg": "EdDSA", "typ": "JWT", "kid": .string(keyID.text)]
        let signed = Base64URL.text(header.serialized()) + "." + Base64URL.text(Array(payload.utf8))
        return signed + "." + Base64URL.text(Array(try key.signature(for: Array(signed.utf8))))
    }

    @Test func whatIsWrittenIsRead() throws {
        let text = try SignedToken.text(["a": 1], keyID: keyID, key: key)
        let token = try #require(SignedToken(text))
        #expect(token.keyID == keyID && token.payload == ["a": 1])
        #expect(token.isSigned(by: key.publicKey))
        #expect(!token.isSigned(by: Curve25519.Signing.PrivateKey().publicKey))
    }

    /// RFC 8037, appendix A.4 and A.5: the key, what is signed, and the signature.
    @Test func signsAsTheStandardDoes() throws {
        let secret = try #require(Base64URL.bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
        let publicKey = try Curve25519.Signing.PrivateKey(rawRepresentation: secret).publicKey
        #expect(Base64URL.text(Array(publicKey.rawRepresentation)) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        let bytes = try #require(Base64URL.bytes(signature))
        #expect(publicKey.isValidSignature(bytes, for: Array(signed.utf8)))
        #expect(SignedToken("\(signed).\(signature)") == nil, "a right signature under another header is no token")
    }

    @Test func everyOtherFormIsRefused() throws {
        #expect(SignedToken(try token()) != nil)
        let kid = JSONValue.string(keyID.text)
        for header in [
            ["alg": "none", "typ": "JWT", "kid": kid], ["alg": "HS256", "typ": "JWT", "kid": kid],
            ["alg": "eddsa", "typ": "JWT", "kid": kid],
            ["alg": "EdDSA", "typ": "JWT"], ["alg": "EdDSA", "typ": "JWT", "kid": "../../key"], ["alg": "EdDSA", "kid": kid],
            ["alg": "EdDSA", "typ": "JWT", "kid": kid, "crit": ["x"]], ["alg": "EdDSA", "typ": "JWT", "kid": kid, "jwk": [:]], [], "x",
        ] as [JSONValue] { #expect(SignedToken(try token(header: header)) == nil, "\(header)") }
        let good = try token()
        let parts = good.split(separator: ".").map(String.init)
        for text in [
            "", ".", "..", "...", "a.b.c", "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "\(good).x", "\(good)=", " \(good)",
            "\(parts[0]).\(parts[1])=.\(parts[2])", "\(parts[0])\n.\(parts[1]).\(parts[2])",
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast())",
            try token(payload: "not JSON"), try token(payload: #"{"a":1,"a":2}"#), try token(payload: String(repeating: "[", count: 99)),
            try token(payload: #"{"a":"\#(String(repeating: "x", count: 2_000))"}"#),
        ] { #expect(SignedToken(text) == nil, "\(text.prefix(80))") }
    }

    /// No bit of it can be another one.
    @Test func noBitMayChange() throws {
        let bytes = Array(try token().utf8)
        for index in bytes.indices {
            for bit in 0..<7 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                let token = SignedToken(String(decoding: changed, as: UTF8.self))
                #expect(token?.isSigned(by: key.publicKey) != true, "byte \(index), bit \(bit)")
            }
        }
    }
}
