import Domain
import FoundationEssentials
import Store

/// Holds passwords against accounts. An address that nobody has takes as long, and is answered the same, as a wrong password.
struct Logins: Sendable {
    let store: Store
    let hasher: PasswordHasher
    let limits: LoginLimits

    /// - Parameter address: whence it is tried.
    /// - Returns: whose login it is.
    /// - Throws: `Problem.loginRefused`, `.accountIsDisabled`, a 429.
    func check(_ login: Login, from address: String) async throws -> UUID {
        try limits.admit(from: address)
        // Everybody can tell that such a text is nobody's: it costs nothing.
        guard EmailAddress(login.email) != nil else { throw Problem.loginRefused }
        try limits.admit(to: login.email)
        let record = try await store.password(ofEmail: login.email)
        guard try await hasher.matches(login.password, record?.hash), let record, let hash = record.hash else {
            throw Problem.loginRefused
        }
        guard record.status == .active else { throw Problem.accountIsDisabled }
        if hash.cost != hasher.cost {
            try await store.replace(hash, with: try await hasher.hash(login.password), of: record.userID)
        }
        return record.userID
    }

    /// Changes the password of an account, and ends its sessions but the one that asks, where one does.
    ///
    /// - Throws: a 422 where the old one is wrong, a 429.
    func change(_ change: AccountChange.PasswordChange, of principal: Principal, from address: String) async throws {
        try limits.admit(from: address)
        guard let account = try await store.account(principal.userID), let record = try await store.password(of: principal.userID) else {
            throw Problem.unauthorized
        }
        try limits.admit(to: account.email)
        guard try await hasher.matches(change.old, record.hash), let old = record.hash else {
            throw Problem.invalid([FieldError(pointer: "/current_password", detail: "is not the password")])
        }
        let new = try await hasher.hash(change.new)
        let sessionID: UUID? = if case .session(let id) = principal.credential { id } else { nil }
        try await store.changePassword(of: principal.userID, from: old, to: new, keeping: sessionID)
    }
}
