import DequeModule
import Domain
import FoundationEssentials
import Store

/// What has to be asked of the database for an engine.
enum GateOrder: Sendable, Hashable {
    case tell(GateNews)
    /// The tickets belong to the request's costs, in their order.
    case take(SlotRequest, tickets: [UInt64])
}

extension EngineGate {
    /// The next thing to ask or to tell; nil while an answer is awaited, or nothing is due. `worker` is who this worker is now.
    mutating func order(at now: Instant, worker: UUID?) -> GateOrder? {
        guard !isAsking, let worker else { return nil }
        if holder != worker {
            // Under another identity: the places of the former one are free, and its calls are stopped.
            holder = worker
            term += 1
            (placesHeld, placesUsed) = (0, 0)
            notedWaits = 0
        }
        // Who left need not wait for a question of those that stay.
        if hasStaleNote { settleAt = settleAt ?? now + Self.gathering }
        if let news {
            guard tellAt.map({ now >= $0 }) ?? true else { return nil }
            isAsking = true
            return .tell(news)
        }
        if let request = request(at: now, worker) {
            isAsking = true
            if case .take(_, let tickets) = request { asked = tickets.count }
            settleAt = nil
            owedTokens = 0
            return request
        }
        return nil
    }

    /// When to look again without being told; nil where nothing will be due by itself.
    var alarm: Instant? {
        guard !isAsking else { return asked > 0 ? nil : waiting.first.map { $0.since + Self.patience } }
        if news != nil { return [tellAt, waiting.first.map { $0.since + Self.patience }].compactMap { $0 }.min() }
        let asking = waiting.first.map { first in
            min(first.since + Self.patience, max(askAt ?? first.since, closure?.until ?? first.since))
        }
        return [asking, isSettlementOpen ? settleAt : nil].compactMap { $0 }.min()
    }

    private var isSettlementOpen: Bool { owedTokens != 0 || placesHeld > placesUsed && waiting.isEmpty || hasStaleNote }

    /// More calls are noted as waiting than do.
    private var hasStaleNote: Bool { notedWaits > 0 && notedWaits > waiting.count { !$0.hasChoice } }

    /// More than an engine is ever sent at once.
    private static let waitsNoted = 1_000

    private func request(at now: Instant, _ worker: UUID) -> GateOrder? {
        let mayAsk =
            !waiting.isEmpty && !isProbing && (askAt.map { now >= $0 } ?? true) && (closure.map { now >= $0.until } ?? true)
        let mustSettle = isSettlementOpen && (settleAt.map { now >= $0 } ?? false)
        guard mayAsk || mustSettle else { return nil }
        let costs = mayAsk ? waiting.prefix(256).map(\.tokens) : []
        let count = closure == nil ? limits.rates.count(of: costs, in: SlotSchedule.horizon) : min(1, costs.count)
        let request = SlotRequest(
            engine: engine, workerID: worker, concurrency: limits.concurrency, placesUsed: placesUsed,
            placesWanted: placesUsed + waiting.count, rates: limits.rates, costs: Array(costs.prefix(count)),
            waits: waiting.prefix(Self.waitsNoted).map { $0.hasChoice ? nil : $0.tokens }, settled: owedTokens,
            probeLease: probeLease / .seconds(1))
        return .take(request, tickets: waiting.prefix(count).map(\.ticket))
    }

    /// The answer to a request. Slots are counted from the moment of the grant, which lies between these two times: a call begins not
    /// before its slot by the later one, and not too late by the earlier one.
    mutating func answered(
        _ answer: SlotAnswer, to request: SlotRequest, tickets: [UInt64], sentAt: Instant, at now: Instant
    ) -> [Release] {
        isAsking = false
        asked = 0
        if request.workerID == holder { placesHeld = answer.places }
        askAt = now + .seconds(answer.grant.nextIn)
        notedWaits = answer.noted
        switch answer.state {
        case .gone:
            defer { waiting.removeAll() }
            return waiting.map { .held(ticket: $0.ticket, GateHold(engine: engine, .gone, after: .seconds(1))) }
        case .closed, .probing:
            let pause = Duration.seconds(answer.closedFor ?? 0)
            closure = Closure(
                reason: answer.reason ?? .overloaded, message: answer.message ?? "",
                until: now + (answer.state == .probing ? min(pause, Self.probePause) : pause))
            return holdAllIfClosed(at: now)
        case .open:
            if closure != nil { breaker.reset() }
            closure = nil
        case .probe: isProbing = true
        }
        let releases = release(answer, request, tickets, sentAt: sentAt, at: now)
        if answer.grant.count >= request.costs.count { askAt = nil }
        if answer.state == .probe { return releases + holdAllIfClosed(at: now) }
        return releases + passOnPlaces()
    }

    /// The database could not be asked.
    mutating func failed(_ request: SlotRequest, at now: Instant) -> [Release] {
        isAsking = false
        asked = 0
        owedTokens += request.settled
        askAt = now + .milliseconds(250)
        settleAt = now + .milliseconds(250)
        return []
    }

    /// What was told is known; `closedFor` is for how many seconds the gate is closed, where it was to be.
    mutating func told(_ news: GateNews, closedFor: Double?, at now: Instant) -> [Release] {
        isAsking = false
        tellAt = nil
        if self.news == news { self.news = nil }
        guard case .close = news, self.news == nil, let closedFor else { return [] }
        closure?.until = now + .seconds(closedFor)
        return holdAllIfClosed(at: now)
    }

    /// The database could not be told.
    mutating func failedToTell(at now: Instant) {
        isAsking = false
        tellAt = now + .milliseconds(250)
    }

    private mutating func release(
        _ answer: SlotAnswer, _ request: SlotRequest, _ tickets: [UInt64], sentAt: Instant, at now: Instant
    ) -> [Release] {
        let times = answer.grant.times(costs: request.costs, rates: request.rates)
        var granted = Dictionary(zip(tickets, zip(times, request.costs)), uniquingKeysWith: { first, _ in first })
        var releases: [Release] = []
        var rest: Deque<Waiting> = []
        for call in waiting {
            guard let (time, cost) = granted.removeValue(forKey: call.ticket) else {
                rest.append(call)
                continue
            }
            let hasPlace = request.concurrency != nil
            if hasPlace { placesUsed += 1 }
            let slot = time.map { SlotTime(earliest: now + .seconds($0.lowerBound), latest: sentAt + .seconds($0.upperBound)) }
            let pass = Pass(isProbe: answer.state == .probe, hasPlace: hasPlace, tokens: cost, term: term)
            releases.append(.pass(ticket: call.ticket, pass, slot))
        }
        waiting = rest
        if !granted.isEmpty { takeBack(granted.values.reduce(0) { $0 + $1.1 }, wasProbe: answer.state == .probe, at: now) }
        return releases
    }

    /// Who left meanwhile gives back the tokens; its slot is lost.
    private mutating func takeBack(_ tokens: Int, wasProbe: Bool, at now: Instant) {
        if limits.rates.tokenInterval != nil { owedTokens -= tokens }
        settleAt = settleAt ?? now + Self.gathering
        guard wasProbe else { return }
        isProbing = false
        news = .gaveUpProbe
    }
}
