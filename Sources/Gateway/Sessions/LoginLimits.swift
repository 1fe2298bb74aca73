import Domain

/// Bounds how often passwords are tried, by one address and for one account. Counted in each gateway by itself, right ones too: a program
/// that logs in all the time should have a key.
struct LoginLimits: Sendable {
    private let byAddress: RateLimiter<String>?
    /// By the email address, whether anybody has it or not.
    private let byAccount: RateLimiter<String>?

    /// - Parameter perMinute: tries; 0 for no limit. A minute's worth may come at once.
    init(perMinute: Int) {
        byAddress = RateLimiter(perSecond: Double(perMinute) / 60, burst: perMinute)
        byAccount = RateLimiter(perSecond: Double(perMinute) / 60, burst: perMinute)
    }

    /// - Throws: a 429 that says when to come again.
    func admit(from address: String) throws(Problem) {
        if let wait = byAddress?.take(address) { throw .tooMany("Too many logins were tried from your address.", after: wait) }
    }

    /// - Throws: a 429 that says when to come again.
    func admit(to email: String) throws(Problem) {
        if let wait = byAccount?.take(email) { throw .tooMany("Too many logins to this account were tried.", after: wait) }
    }
}
