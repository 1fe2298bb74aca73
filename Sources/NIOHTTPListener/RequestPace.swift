/// Whether a caller sends its request fast enough: a value without clock or connection.
///
/// A connection that sends a byte now and then would hold its place for ever ("Slowloris"). Each part of a request has a time in which all of
/// it must be there; what comes between does not extend it.
struct RequestPace {
    private enum Phase {
        /// Between requests: the idle timeout is another's affair.
        case idle
        /// Bytes have come, and no whole head yet.
        case head(since: ContinuousClock.Instant)
        /// The head is there, and not the end of the body.
        case body(since: ContinuousClock.Instant, limit: Duration)
        /// It is all there.
        case complete
    }

    let headLimit: Duration
    private var phase = Phase.idle

    init(headLimit: Duration) { self.headLimit = headLimit }

    /// Nothing of a request has come.
    var isIdle: Bool { if case .idle = phase { true } else { false } }

    /// No request has come so far that it could be answered.
    var awaitsHead: Bool {
        switch phase {
        case .idle, .head: true
        case .body, .complete: false
        }
    }

    mutating func bytesCame(at now: ContinuousClock.Instant) {
        if case .idle = phase { phase = .head(since: now) }
    }

    /// - Parameter limit: how long the body may take from here.
    mutating func headCame(at now: ContinuousClock.Instant, bodyLimit limit: Duration) { phase = .body(since: now, limit: limit) }

    mutating func bodyEnded() { phase = .complete }

    /// The answer is out. A body that still comes keeps its time.
    mutating func answered() {
        if case .complete = phase { phase = .idle }
    }

    /// When what is awaited has to be there; nil where nothing is.
    var deadline: ContinuousClock.Instant? {
        switch phase {
        case .idle, .complete: nil
        case .head(let since): since + headLimit
        case .body(let since, let limit): since + limit
        }
    }
}
