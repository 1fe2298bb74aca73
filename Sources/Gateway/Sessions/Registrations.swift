import Domain
import Store

/// Who may make an account for themselves.
public enum RegistrationPolicy: String, Sendable, CaseIterable {
    /// Everybody who reaches the gateway.
    case open
    /// Whoever has a code that an administrator made.
    case invite
    /// Nobody: operators make accounts.
    case closed
}

/// Makes accounts for people who register.
///
/// With invitations nobody learns which addresses have an account who has no good code. Where registration is open, an address that is taken
/// must be refused, and that tells: as often as logins may be tried, and no faster.
struct Registrations: Sendable {
    let store: Store
    let policy: RegistrationPolicy
    let hasher: PasswordHasher
    let limits: LoginLimits

    /// - Parameters:
    ///   - address: whence it is asked.
    ///   - key: the request's Idempotency-Key, and what it asks for.
    func register(
        _ body: JSONValue, from address: String, under key: (key: String, digest: [UInt8])?
    ) async throws -> Creation<AccountRecord> {
        guard policy != .closed else { throw Problem.forbidden("Nobody can register here: an operator makes accounts.") }
        try limits.admit(from: address)
        let new = try NewAccount(reading: body, needsInvitation: policy == .invite)
        if let key, let first = try await earlier(new, key) { return .repeated(first) }
        if let code = new.invitation {
            guard try await store.isGood(InvitationCode(presented: code), for: new.email) else { throw Problem.invitationRefused }
        }
        let registration = Registration(account: new, password: try await hasher.hash(new.password), idempotency: key)
        do {
            return .made(try await store.register(registration))
        } catch let problem as Problem where problem == .emailIsTaken || problem == .invitationRefused {
            // The same request may have come in by another connection at this moment.
            guard let key, let first = try await earlier(new, key) else { throw problem }
            return .repeated(first)
        }
    }

    /// What the same request was answered before, for those who know the password that it chose.
    private func earlier(_ new: NewAccount, _ key: (key: String, digest: [UInt8])) async throws -> RememberedAnswer? {
        guard let first = try await store.registration(of: new.email, key: key.key, digest: key.digest) else { return nil }
        try limits.admit(to: new.email.text)
        guard try await hasher.matches(new.password, first.password.hash) else { throw Problem.emailIsTaken }
        return first.answer
    }
}
