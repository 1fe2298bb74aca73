/// What an engine's limits have given away: the sums of `chorus_take_slots` (0009_gates.sql), which a test holds equal to these.
///
/// The generic cell rate algorithm (ITU-T I.371): one time each says up to when requests and tokens are given away, and a slot moves it on
/// by what the slot costs. A slot that nobody took is lost, save those of the last half second: who comes late finds them. A call may
/// begin at its slot, and not more than `tolerance` after it. So the calls that begin in any 60 s have their slots in 61 s: with 0.2 s for
/// the way to the engine, that is the limit and 2 %.
public struct SlotSchedule: Sendable, Hashable {
    /// Seconds ahead that slots are given away.
    public static let horizon = 1.0
    /// Seconds after its slot in which a call may begin.
    public static let tolerance = 1.0
    /// Seconds back that unused slots are still given away.
    static let credit = 0.5
    /// Seconds by which the slots of requests and of tokens may part: what one call costs beyond its share is made good by the next ones.
    static let spread = 0.5

    /// Times, in seconds of any clock.
    public var requestsUntil: Double
    public var tokensUntil: Double

    public init(requestsUntil: Double, tokensUntil: Double) {
        self.requestsUntil = requestsUntil
        self.tokensUntil = tokensUntil
    }

    /// Takes slots for the first calls of those that wait, as many as lie within the horizon; at least one if any does.
    /// - Parameters:
    ///   - costs: tokens, a call.
    ///   - settled: tokens that earlier calls used more than they took.
    public mutating func take(_ costs: [Int], settled: Int = 0, rates: SlotRates, at now: Double) -> SlotGrant {
        var (request, token) = position(settled: settled, rates: rates, at: now)
        var grant = SlotGrant(count: 0, requestSlot: request, tokenSlot: token, nextIn: 0)
        while grant.count < costs.count, max(request, token) < Self.horizon, grant.count == 0 || abs(request - token) <= Self.spread {
            if let interval = rates.requestInterval { request += interval }
            if let interval = rates.tokenInterval { token += Double(costs[grant.count]) * interval }
            if rates.requestInterval == nil { request = token }
            if rates.tokenInterval == nil { token = request }
            grant.count += 1
        }
        // Asked again when half of the horizon is free, so that an answer holds more than one slot where slots are many.
        grant.nextIn = grant.count < costs.count ? max(max(request, token) - Self.horizon / 2, 0.02) : 0.1
        if rates.requestInterval != nil { requestsUntil = now + request }
        if rates.tokenInterval != nil { tokensUntil = now + token }
        return grant
    }

    /// How many more requests, and tokens, could be given a slot within the horizon; nil for any number.
    public func room(_ rates: SlotRates, at now: Double) -> (requests: Int?, tokens: Int?) {
        func room(_ interval: Double?, _ until: Double) -> Int? {
            interval.map { Int(max(0, (Self.horizon - max(until - now, 0)) / $0).rounded(.up)) }
        }
        return (room(rates.requestInterval, requestsUntil), room(rates.tokenInterval, tokensUntil))
    }

    /// Where the next slots lie, in seconds from now.
    private func position(settled: Int, rates: SlotRates, at now: Double) -> (request: Double, token: Double) {
        var (request, token) = (-Self.credit, -Self.credit)
        if rates.requestInterval != nil { request = max(requestsUntil - now, -Self.credit) }
        if let interval = rates.tokenInterval { token = max(tokensUntil - now + Double(settled) * interval, -Self.credit) }
        if rates.requestInterval != nil, rates.tokenInterval != nil {
            request = max(request, token - Self.spread)
            token = max(token, request - Self.spread)
        }
        return (request, token)
    }
}

/// Slots for the first `count` of the calls that were asked for.
public struct SlotGrant: Sendable, Hashable {
    public var count: Int
    /// The first slots, in seconds from the moment of the grant; they may lie behind it.
    public var requestSlot: Double
    public var tokenSlot: Double
    /// Seconds after which to ask for the others.
    public var nextIn: Double

    public init(count: Int, requestSlot: Double, tokenSlot: Double, nextIn: Double) {
        self.count = count
        self.requestSlot = requestSlot
        self.tokenSlot = tokenSlot
        self.nextIn = nextIn
    }

    /// The time of each call, in seconds from the moment of the grant: it may begin from the later of its slots on, and not later than the
    /// tolerance after the earlier one. nil where there is no limit.
    public func times(costs: [Int], rates: SlotRates) -> [ClosedRange<Double>?] {
        var (request, token) = (requestSlot, tokenSlot)
        return costs.prefix(count).map { cost in
            defer {
                request += rates.requestInterval ?? 0
                token += Double(cost) * (rates.tokenInterval ?? 0)
            }
            switch (rates.requestInterval, rates.tokenInterval) {
            case (nil, nil): return nil
            case (_, nil): return request...request + SlotSchedule.tolerance
            case (nil, _): return token...token + SlotSchedule.tolerance
            default:
                let last = max(request, token)
                return last...max(last, min(request, token) + SlotSchedule.tolerance)
            }
        }
    }
}
