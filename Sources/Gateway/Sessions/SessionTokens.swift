import Crypto
import Domain
import FoundationEssentials
import Store

/// Makes and checks the tokens of sessions. Every gateway signs with a key of its own, which it makes, keeps in memory and drops after a
/// day; the database holds the public halves, so that any gateway checks any token, also of one that is gone.
struct SessionTokens: Sendable {
    /// How long a key signs.
    private static let rotation: Duration = .seconds(86_400)
    /// What clocks may be apart, added to the time for which a key is known.
    private static let margin: Duration = .seconds(300)

    let store: Store
    /// Of a session.
    let lifetime: Duration
    private let key: ReadThroughCache<Int, SigningKey>

    private struct SigningKey: Sendable {
        let id = UUID.v7()
        let key = Curve25519.Signing.PrivateKey()
    }

    init(store: Store, lifetime: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.store = store
        self.lifetime = lifetime
        key = ReadThroughCache(capacity: 1, now: now) { _ in Self.rotation }
    }

    /// The token of a session. The first one, and one each day, publishes a new key.
    func token(for session: SessionRecord) async throws -> String {
        let signing = try await key.value(for: 0) { [store, lifetime] in
            let signing = SigningKey()
            let known = Self.rotation + lifetime + Self.margin
            try await store.publishSigningKey(signing.id, Array(signing.key.publicKey.rawRepresentation), lifetime: known / .seconds(1))
            return signing
        }
        let claims = SessionClaims(
            userID: session.userID, sessionID: session.id, issuedAt: session.createdAt, expiresAt: session.expiresAt)
        return try SignedToken.text(claims.json, keyID: signing.id, key: signing.key)
    }

    /// Whose token it is; nil where it is forged, broken or too old, or its session has ended.
    func principal(of token: PresentedToken) async throws -> Principal? {
        guard let token = SignedToken(token.text), let claims = SessionClaims(reading: token.payload, at: Date()),
            let standing = try await store.standing(of: claims, signedWith: token.keyID),
            let publicKey = try? Curve25519.Signing.PublicKey(rawRepresentation: standing.publicKey), token.isSigned(by: publicKey)
        else { return nil }
        return standing.principal
    }
}
