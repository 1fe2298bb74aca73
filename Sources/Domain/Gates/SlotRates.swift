/// How fast an engine takes requests and tokens: seconds from one to the next.
public struct SlotRates: Sendable, Hashable {
    /// nil where requests have no limit.
    public var requestInterval: Double?
    /// nil where tokens have no limit.
    public var tokenInterval: Double?

    public init(requestsPerMinute: Int?, tokensPerMinute: Int?) {
        requestInterval = requestsPerMinute.map { 60 / Double(max(1, $0)) }
        tokenInterval = tokensPerMinute.map { 60 / Double(max(1, $0)) }
    }

    public var areLimited: Bool { requestInterval != nil || tokenInterval != nil }

    /// How many calls of these costs are about `seconds` worth of the limits; at least one.
    public func count(of costs: some Collection<Int>, in seconds: Double) -> Int {
        guard areLimited else { return costs.count }
        var count = 0
        var (requests, tokens) = (0.0, 0.0)
        for cost in costs {
            guard count == 0 || max(requests, tokens) < seconds - 1e-6 else { break }
            count += 1
            requests += requestInterval ?? 0
            tokens += Double(cost) * (tokenInterval ?? 0)
        }
        return count
    }
}
