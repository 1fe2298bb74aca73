public import Domain

/// How many more tasks may be on their way to one engine: pure. Who admits decides by it, and who asks why a task waits is told by it.
public struct EngineRoom: Sendable, Hashable {
    /// Why there is none.
    public enum Cause: Sendable, Hashable {
        case closed(GateReason, String)
        /// The gate waits for its probe.
        case probing(GateReason, String)
        case requests, tokens, concurrency
    }

    /// Where nothing says when there will be room, it is looked for again after this.
    public static let pause = Duration.milliseconds(50)

    /// Tasks; nil for any number.
    public private(set) var tasks: Int?
    /// Tokens: while there are any, one more task may take as many as it costs.
    public private(set) var tokens: Int?
    public let cause: Cause?
    /// How long until there may be room; zero where there is.
    public let opensIn: Duration

    public var isOpen: Bool { tasks ?? 1 > 0 && tokens ?? 1 > 0 }

    /// Whatever its limits, a closed engine gets no task until its gate may be tried, and then one.
    public init(_ figures: EngineFigures) {
        if let closed = figures.closed {
            tokens = nil
            let isShut = closed.closedFor > 0
            tasks = isShut ? 0 : max(0, 1 - figures.inFlight)
            let hasRoom = !isShut && figures.inFlight == 0
            cause =
                isShut ? .closed(closed.reason, closed.message) : hasRoom ? nil : .probing(closed.reason, closed.message)
            opensIn = isShut ? .seconds(min(closed.closedFor, 86_400)) : hasRoom ? .zero : Self.pause
            return
        }
        let rates = figures.rates
        let room = figures.schedule.room(rates, at: 0)
        let requests = room.requests.map { $0 - figures.inQueue - figures.waiting }
        let tokens = room.tokens.map { $0 - figures.tokensInQueue - figures.tokensWaiting }
        let places = figures.concurrency.map { $0 - max(figures.inFlight, figures.inQueue + figures.places) }
        tasks = [requests, places].compactMap { $0 }.min()
        self.tokens = tokens
        // The limit that keeps it longest is named first.
        let waits: [(Cause, Double)?] = [
            requests.flatMap { $0 > 0 ? nil : (.requests, figures.schedule.requestsUntil - SlotSchedule.horizon) },
            tokens.flatMap { $0 > 0 ? nil : (.tokens, figures.schedule.tokensUntil - SlotSchedule.horizon) },
            places.flatMap { $0 > 0 ? nil : (.concurrency, 0) },
        ]
        let longest = waits.compactMap { $0 }.max { $0.1 < $1.1 }
        cause = longest?.0
        opensIn = longest.map { max(.seconds($0.1), Self.pause) } ?? .zero
    }

    /// One more task of that cost is on its way.
    public mutating func take(cost: Int) {
        if let tasks { self.tasks = tasks - 1 }
        if let tokens { self.tokens = tokens - cost }
    }
}
