import Domain
import FoundationEssentials

/// How many read events at once: in all, and of each key (or, with a session, each user).
struct EventSeats {
    /// A reload may lower it: who has a seat keeps it.
    var limit: Int
    var limitByCaller: Int
    private(set) var count = 0
    private var byCaller: [UUID: Int] = [:]

    init(limit: Int, limitByCaller: Int) {
        self.limit = limit
        self.limitByCaller = limitByCaller
    }

    /// - Throws: a 503 where all are taken, a 429 where the caller has as many as it may.
    mutating func take(_ caller: UUID) throws(Problem) {
        guard count < limit else { throw .unavailable("As many streams of events as may are open here. Try again.", retryAfter: 10) }
        guard byCaller[caller, default: 0] < limitByCaller else {
            throw Problem(
                status: 429, title: "Too many requests",
                detail: "This key has \(limitByCaller) streams of events open, and may not have more.",
                retryAfter: 10)
        }
        count += 1
        byCaller[caller, default: 0] += 1
    }

    mutating func giveBack(_ caller: UUID) {
        guard let taken = byCaller[caller] else { return }
        count -= 1
        byCaller[caller] = taken > 1 ? taken - 1 : nil
    }
}
