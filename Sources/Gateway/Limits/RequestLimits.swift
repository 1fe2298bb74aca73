import Domain
import HTTPTypes
import Hummingbird

/// Bounds how often one key may ask, and how often one address may ask in vain. Counted in each gateway by itself.
struct RequestLimits: Sendable {
    private let byKey: RateLimiter<Int>?
    private let refusals: RateLimiter<String>?

    /// - Parameters:
    ///   - requestsPerSecond: of one key; 0 for no limit. Two seconds' worth may come at once.
    ///   - refusalsPerMinute: answers 401 to one address; 0 for no limit. A minute's worth may come at once.
    init(requestsPerSecond: Int, refusalsPerMinute: Int) {
        byKey = RateLimiter(perSecond: Double(requestsPerSecond), burst: 2 * requestsPerSecond)
        refusals = RateLimiter(perSecond: Double(refusalsPerMinute) / 60, burst: refusalsPerMinute)
    }

    /// - Throws: a 429 that says when to come again.
    func admit(_ request: Request, from address: String) throws(Problem) {
        if let wait = refusals?.wait(address) {
            throw .tooMany("Too many requests without a valid key came from your address.", after: wait)
        }
        guard let byKey, let credential = request.headers[.authorization] ?? request.headers[.xAPIKey] else { return }
        // A hash that only this process knows: the table holds no secret.
        if let wait = byKey.take(credential.hashValue) { throw .tooMany("Too many requests came with this key.", after: wait) }
    }

    /// Notes an answer 401.
    func refused(_ address: String) { refusals?.count(address) }
}

extension Problem {
    /// Asked too often.
    static func tooMany(_ detail: String, after seconds: Double) -> Problem {
        Problem(status: 429, title: "Too many requests", detail: detail, retryAfter: max(1, Int(seconds.rounded(.up))))
    }
}
