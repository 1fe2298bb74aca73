import Foundation

/// How fast tasks end, from one look to the next: the tasks that ended over the last ten seconds.
struct TopRates: Sendable {
    private struct Look {
        var at: Date
        var total: Int
        var projects: [String: Int]
    }

    /// Seconds.
    private static let window: TimeInterval = 10

    private var looks: [Look] = []

    mutating func add(_ snapshot: TopSnapshot) {
        // A clock that was set back, or another gateway's: what was before says nothing.
        if let last = looks.last, snapshot.at < last.at { looks = [] }
        looks.append(
            Look(
                at: snapshot.at, total: snapshot.ended,
                projects: Dictionary(snapshot.projects.map { ($0.id, $0.ended) }, uniquingKeysWith: { first, _ in first })))
        // The last look before the window stays: rates reach back to it.
        while looks.count > 2, let second = looks.dropFirst().first, snapshot.at.timeIntervalSince(second.at) >= Self.window {
            looks.removeFirst()
        }
    }

    /// Tasks a second; nil before the second look.
    var total: Double? { rate { $0.total } }

    func of(project id: String) -> Double? { rate { $0.projects[id] } }

    private func rate(_ ended: (Look) -> Int?) -> Double? {
        guard let last = looks.last, let end = ended(last) else { return nil }
        // A project that comes into view later has its first look there.
        guard let first = looks.first(where: { ended($0) != nil }), let start = ended(first) else { return nil }
        let seconds = last.at.timeIntervalSince(first.at)
        return seconds > 0 ? max(0, Double(end - start) / seconds) : nil
    }
}
