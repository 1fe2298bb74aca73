/// Whether somebody is bound to the exchange of events, so far as what became of published ones tells: pure.
///
/// The broker says of each event whether a queue took it. While nobody is known to be there, samples ask; the first that is taken has all
/// events written down from then on, until none was taken for a minute.
public struct ExchangeInterest: Sendable, Hashable {
    /// What to do about the listener of all projects.
    public enum Action: Sendable, Hashable {
        case none
        /// Have all events written down, and publish what a sample left out.
        case begin
        /// Go on having them written down.
        case renew
    }

    /// For how long all events are written down behind the last renewal.
    public static let lifetime = Duration.seconds(120)
    /// How long nobody may have taken an event.
    static let patience = Duration.seconds(60)
    private static let renewal = Duration.seconds(20)

    private var takenAt: ContinuousClock.Instant?
    private var renewedAt: ContinuousClock.Instant?

    public init() {}

    /// Whether a queue took an event just now: no need to look whose it was.
    public func isFresh(at now: ContinuousClock.Instant) -> Bool { takenAt.map { now - $0 < .seconds(5) } ?? false }

    /// All events are written down; another gateway may have begun it, and what it knew is not known here.
    public mutating func isLogging(at now: ContinuousClock.Instant) {
        if renewedAt == nil { (takenAt, renewedAt) = (now, now) }
    }

    /// They are not any more.
    public mutating func ended() { (takenAt, renewedAt) = (nil, nil) }

    /// Events of projects that do not ask for theirs were published. `taken`: a queue took one of them.
    public mutating func published(taken: Bool, at now: ContinuousClock.Instant) -> Action {
        if taken { takenAt = now }
        guard let takenAt, now - takenAt < Self.patience else { return .none }
        guard let renewedAt else {
            self.renewedAt = now
            return .begin
        }
        guard now - renewedAt >= Self.renewal else { return .none }
        self.renewedAt = now
        return .renew
    }
}
