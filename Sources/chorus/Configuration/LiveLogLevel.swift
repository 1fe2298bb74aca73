import Logging
import Synchronization

/// The level below which nothing is logged, which may be moved while loggers are in use.
final class LiveLogLevel: Sendable {
    private static let levels = Logger.Level.allCases

    /// Its place among the levels: read with every line that might be logged.
    private let place: Atomic<Int>

    init(_ level: Logger.Level) { place = Atomic(Self.place(of: level)) }

    var level: Logger.Level {
        get { Self.levels[place.load(ordering: .relaxed)] }
        set { place.store(Self.place(of: newValue), ordering: .relaxed) }
    }

    private static func place(of level: Logger.Level) -> Int { levels.firstIndex(of: level) ?? 0 }
}

/// Logs what another handler logs, from a level on that may move. A logger that is given a level of its own keeps that.
struct LiveLevelLogHandler: LogHandler {
    private var base: any LogHandler
    private let live: LiveLogLevel
    private var own: Logger.Level?

    init(_ base: any LogHandler, _ live: LiveLogLevel) {
        self.base = base
        self.live = live
    }

    var logLevel: Logger.Level {
        get { own ?? live.level }
        set { own = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { base.log(event: event) }
}
