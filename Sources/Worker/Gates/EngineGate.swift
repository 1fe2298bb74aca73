import DequeModule
import Domain
import FoundationEssentials
import Store

/// One engine's gate, as this worker keeps it: who waits, who may pass, and what has to be asked of the database. A machine.
///
/// An engine without limits, whose gate is open, lets every call pass: nothing is asked and nobody waits. Calls that wait do so in their
/// order, and not long: what cannot pass soon is handed back, so that it holds no slot of the worker.
struct EngineGate: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What may pass at once, as the engine's definition says.
    struct Limits: Sendable, Hashable {
        var concurrency: Int?
        var rates = SlotRates(requestsPerMinute: nil, tokensPerMinute: nil)

        var areNone: Bool { concurrency == nil && !rates.areLimited }
    }

    /// A call that may pass: `end` takes it back.
    struct Pass: Sendable, Hashable {
        var isProbe = false
        var hasPlace = false
        /// Tokens reserved.
        var tokens = 0
        /// The worker's identity under which it has its place.
        var term = 0
    }

    enum Entrance: Sendable, Hashable {
        case pass(Pass), wait, held(GateHold)
    }

    /// What became of a call that waited.
    enum Release: Sendable, Hashable {
        /// nil where it may begin at once.
        case pass(ticket: UInt64, Pass, SlotTime?)
        case held(ticket: UInt64, GateHold)
    }

    /// When a call may begin, and when it is too late. An answer that took long may come when it is.
    struct SlotTime: Sendable, Hashable {
        var earliest: Instant
        var latest: Instant
    }

    struct Closure: Sendable, Hashable {
        var reason: GateReason
        var message: String
        var until: Instant
    }

    struct Waiting: Sendable, Hashable {
        var ticket: UInt64
        var tokens: Int
        /// Its task may be done by another engine.
        var hasChoice: Bool
        var since: Instant
    }

    /// How long a call may wait for its turn before it is handed back.
    static let patience = Duration.seconds(2)
    /// A closing that ends within this is waited for.
    static let closingPatience = Duration.milliseconds(100)
    /// How long places that nobody needs are kept, and what was used more or less than reserved, or does not wait any more, is gathered.
    static let gathering = Duration.milliseconds(150)
    /// How long a gate is left alone while somebody else probes.
    static let probePause = Duration.seconds(1)

    let engine: String
    /// Calls that may wait.
    let capacity: Int
    var limits = Limits()
    var probeLease = Duration.seconds(120)
    var waiting: Deque<Waiting> = []
    var closure: Closure?
    var placesHeld = 0
    var placesUsed = 0
    /// Tokens used more than reserved.
    var owedTokens = 0
    /// The calls without a choice that the database has as waiting.
    var notedWaits = 0
    /// Whose places these are.
    var holder: UUID?
    var term = 0
    var isAsking = false
    /// The calls for which slots are being taken: the first ones that wait.
    var asked = 0
    var isProbing = false
    var askAt: Instant?
    var settleAt: Instant?
    /// What has to be told to the database before anything else, and not before when.
    var news: GateNews?
    var tellAt: Instant?
    var breaker: CircuitBreaker

    init(engine: String, capacity: Int = 10_000, breaker: CircuitBreaker.Rules = .standard) {
        self.engine = engine
        self.capacity = capacity
        self.breaker = CircuitBreaker(rules: breaker)
    }

    /// Every call may pass, now.
    var isFree: Bool { limits.areNone && closure == nil }

    /// Nothing has to be asked or told, now or later.
    var isQuiet: Bool { isFree && news == nil && waiting.isEmpty && owedTokens == 0 && placesHeld == 0 && notedWaits == 0 }

    /// The engine's definition may be another one.
    mutating func update(_ limits: Limits, probeLease: Duration) -> [Release] {
        guard limits != self.limits || probeLease != self.probeLease else { return [] }
        self.limits = limits
        self.probeLease = probeLease
        if limits.rates.tokenInterval == nil { owedTokens = 0 }
        if !limits.rates.areLimited { notedWaits = 0 }
        return passOnPlaces()
    }

    /// A call wants to pass.
    mutating func enter(_ ticket: UInt64, tokens: Int, hasChoice: Bool = false, at now: Instant) -> Entrance {
        if isFree { return .pass(Pass()) }
        if let hold = closedHold(at: now) { return .held(hold) }
        if waiting.isEmpty, let pass = freePlace() { return .pass(pass) }
        guard waiting.count < capacity else { return .held(GateHold(engine: engine, .usedUp, after: Self.patience)) }
        waiting.append(Waiting(ticket: ticket, tokens: tokens, hasChoice: hasChoice, since: now))
        return .wait
    }

    /// A call that waited is not wanted any more.
    mutating func withdraw(_ ticket: UInt64) { waiting.removeAll { $0.ticket == ticket } }

    enum Beginning: Sendable, Hashable {
        case begin
        /// Its time has passed unused: it has to wait for another one.
        case tooLate
        case held(GateHold)
    }

    /// The time of a call has come. Where it does not begin, its pass is taken back.
    mutating func begin(_ pass: Pass, time: SlotTime?, at now: Instant) -> Beginning {
        if !pass.isProbe, let hold = closedHold(at: now) {
            settle(pass, tokens: 0, at: now)
            return .held(hold)
        }
        if let time, now > time.latest {
            settle(pass, tokens: 0, at: now)
            if pass.isProbe { judge(pass, .stopped, at: now) }
            return .tooLate
        }
        return .begin
    }

    /// A call has ended. `tokens` is what it used; nil where nobody knows. Gives those that may pass in its place.
    mutating func end(_ pass: Pass, _ verdict: CallVerdict, tokens: Int?, at now: Instant) -> [Release] {
        settle(pass, tokens: tokens, at: now)
        judge(pass, verdict, at: now)
        return passOnPlaces()
    }

    /// Takes back the place, and what was reserved and not used.
    private mutating func settle(_ pass: Pass, tokens: Int?, at now: Instant) {
        if pass.hasPlace, pass.term == term { placesUsed -= 1 }
        let owed = limits.rates.tokenInterval == nil ? 0 : (tokens ?? pass.tokens) - pass.tokens
        owedTokens += owed
        if owed != 0 || pass.hasPlace { settleAt = settleAt ?? now + Self.gathering }
    }

    /// What the database says of the gate: nil where it is open.
    mutating func heard(_ closure: Closure?, at now: Instant) -> [Release] {
        // What this worker knows and has not told yet counts for more.
        guard news == nil else { return [] }
        if closure == nil, self.closure != nil { breaker.reset() }
        self.closure = closure
        askAt = nil
        return holdAllIfClosed(at: now) + passOnPlaces()
    }

    /// The calls that have waited too long, or need not wait any longer because the gate is closed. Those for which slots are being taken
    /// wait for the answer: a slot that nobody uses is lost to the fleet.
    mutating func handBack(at now: Instant) -> [Release] {
        var releases = holdAllIfClosed(at: now)
        while asked == 0, let first = waiting.first, now - first.since >= Self.patience {
            waiting.removeFirst()
            let wait = max(askAt.map { $0 - now } ?? .zero, .zero)
            releases.append(.held(ticket: first.ticket, GateHold(engine: engine, .usedUp, after: wait)))
        }
        return releases
    }

    mutating func holdAllIfClosed(at now: Instant) -> [Release] {
        guard let hold = closedHold(at: now) else { return [] }
        defer { waiting.removeAll() }
        return waiting.map { .held(ticket: $0.ticket, hold) }
    }

    /// Why no call may pass for more than a moment; nil where one may, or may find out.
    func closedHold(at now: Instant) -> GateHold? {
        guard let closure else { return nil }
        if isProbing { return GateHold(engine: engine, .closed(closure.reason, closure.message), after: Self.probePause) }
        guard closure.until - now > Self.closingPatience else { return nil }
        return GateHold(engine: engine, .closed(closure.reason, closure.message), after: closure.until - now)
    }

    /// Places that the worker has already need no question where only they are counted.
    private mutating func freePlace() -> Pass? {
        guard limits.concurrency != nil, !limits.rates.areLimited, closure == nil, placesUsed < placesHeld else { return nil }
        placesUsed += 1
        return Pass(hasPlace: true, term: term)
    }

    mutating func passOnPlaces() -> [Release] {
        var releases: [Release] = []
        if isFree {
            releases = waiting.map { .pass(ticket: $0.ticket, Pass(), nil) }
            waiting.removeAll()
        }
        while let first = waiting.first, let pass = freePlace() {
            waiting.removeFirst()
            releases.append(.pass(ticket: first.ticket, pass, nil))
        }
        return releases
    }
}
