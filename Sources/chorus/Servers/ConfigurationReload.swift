import Logging
import Synchronization

/// Reads a server's configuration anew, and hands on what may change while it runs.
///
/// A configuration with any fault in it changes nothing: the server goes on with what it has, and the log says why.
final class ConfigurationReload<Settings: Sendable>: Sendable {
    private let path: String?
    private let applicationName: String
    private let running: Mutex<ConfigurationSource>
    private let logLevel: LiveLogLevel
    private let logger: Logger
    private let read: @Sendable (ChorusConfiguration) throws -> Settings
    private let apply: @Sendable (Settings) async -> Void

    /// - Parameters:
    ///   - path: what the server was started with.
    ///   - configuration: what it runs with.
    ///   - read: what the server takes of a configuration; throws where that cannot be.
    ///   - apply: hands it to the server's parts.
    init(
        path: String?, applicationName: String, configuration: ChorusConfiguration, logLevel: LiveLogLevel, logger: Logger,
        read: @escaping @Sendable (ChorusConfiguration) throws -> Settings, apply: @escaping @Sendable (Settings) async -> Void
    ) {
        self.path = path
        self.applicationName = applicationName
        running = Mutex(configuration.source)
        self.logLevel = logLevel
        self.logger = logger
        self.read = read
        self.apply = apply
    }

    /// One call at a time.
    func callAsFunction() async {
        do {
            let new = try ChorusConfiguration(path: path, applicationName: applicationName)
            // As a start would read it.
            _ = try read(new)
            let change = ConfigurationChange(from: running.withLock { $0 }, to: new.source)
            let effective = try ChorusConfiguration(change.effective, applicationName: applicationName)
            let settings = try read(effective)
            running.withLock { $0 = change.effective }
            logLevel.level = effective.logLevel
            await apply(settings)
            report(change)
        } catch {
            logger.error("the configuration is wrong, nothing changes", metadata: ["error": "\(error)"])
        }
    }

    private func report(_ change: ConfigurationChange) {
        logger.notice("the configuration was read anew", metadata: ["changed": "\(change.live.joined(separator: ", "))"])
        guard !change.waiting.isEmpty else { return }
        logger.warning("these keys change with the next start only", metadata: ["keys": "\(change.waiting.joined(separator: ", "))"])
    }
}
