import Domain
import HTTPTypes
import Hummingbird
import Synchronization

/// Bounds how often one key may ask, and how often one address may ask in vain. Counted in each gateway by itself.
final class RequestLimits: Sendable {
    private struct Tables {
        var byKey: RateTable<Int>?
        var refusals: RateTable<String>?
    }

    private let tables: Mutex<Tables>
    /// Without limits nothing is locked.
    private let isIdle: Bool

    /// - Parameters:
    ///   - requestsPerSecond: of one key; 0 for no limit. Two seconds' worth may come at once.
    ///   - refusalsPerMinute: answers 401 to one address; 0 for no limit. A minute's worth may come at once.
    init(requestsPerSecond: Int, refusalsPerMinute: Int) {
        let byKey = requestsPerSecond > 0 ? RateTable<Int>(rate: Double(requestsPerSecond), burst: Double(2 * requestsPerSecond)) : nil
        let refusals =
            refusalsPerMinute > 0 ? RateTable<String>(rate: Double(refusalsPerMinute) / 60, burst: Double(refusalsPerMinute)) : nil
        isIdle = byKey == nil && refusals == nil
        tables = Mutex(Tables(byKey: byKey, refusals: refusals))
    }

    /// - Throws: a 429 that says when to come again.
    func admit(_ request: Request, from address: String) throws(Problem) {
        guard !isIdle else { return }
        let now = ContinuousClock.now
        // A hash that only this process knows: the table holds no secret.
        let key = (request.headers[.authorization] ?? request.headers[.xAPIKey])?.hashValue
        let problem = tables.withLock { tables -> Problem? in
            if let wait = tables.refusals?.wait(address, at: now) {
                return .tooMany("Too many requests without a valid key came from your address.", after: wait)
            }
            guard let key, tables.byKey != nil else { return nil }
            if let wait = tables.byKey?.wait(key, at: now) { return .tooMany("Too many requests came with this key.", after: wait) }
            tables.byKey?.count(key, at: now)
            return nil
        }
        if let problem { throw problem }
    }

    /// Notes an answer 401.
    func refused(_ address: String) {
        guard !isIdle else { return }
        let now = ContinuousClock.now
        tables.withLock { $0.refusals?.count(address, at: now) }
    }
}

extension Problem {
    fileprivate static func tooMany(_ detail: String, after seconds: Double) -> Problem {
        Problem(status: 429, title: "Too many requests", detail: detail, retryAfter: max(1, Int(seconds.rounded(.up))))
    }
}
