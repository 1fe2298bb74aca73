import Domain
import Engines
import Logging
import Store
import Synchronization

/// Keeps the worker's engines, and what it knows of their gates, as the database has them.
final class EngineWatch: Sendable {
    /// The pause after a first reading that failed.
    private static let firstRetry = Duration.milliseconds(500)

    private let engines: EngineRegistry
    private let gates: EngineGates
    private let store: Store
    private let interval: Duration
    private let logger: Logger
    private let known = Mutex<[EngineRow]>([])

    init(engines: EngineRegistry, gates: EngineGates, store: Store, interval: Duration, logger: Logger) {
        self.engines = engines
        self.gates = gates
        self.store = store
        self.interval = interval
        self.logger = logger
    }

    /// Reads the engines for the first time, however long the database is away: a task that is claimed before would fail for want of one.
    func begin() async {
        while !Task.isCancelled, !(await look()) { try? await Task.sleep(for: Self.firstRetry) }
    }

    /// Reads them again and again, until the task is cancelled.
    func run() async {
        while (try? await Task.sleep(for: interval)) != nil { _ = await look() }
    }

    /// Makes the engines anew of what the database has, whether that is news or not: where they may be called has changed, or a secret.
    func reload() async {
        known.withLock { $0 = [] }
        _ = await look()
    }

    /// The engine called `name`. One that is not known may just have been applied: the database is asked before that is believed.
    func engine(_ name: String) async throws(EngineRegistryError) -> Engine {
        do {
            return try engines.engine(name)
        } catch .unknown {
            _ = await look()
            return try engines.engine(name)
        }
    }

    /// Looks once more where no engine is known: the first one may just have been applied, and what is claimed without any fails for good.
    func lookWhereNoneIsKnown() async {
        if engines.defaultEngine == nil { _ = await look() }
    }

    /// Whether the engines could be read; the known ones stay where they could not.
    private func look() async -> Bool {
        do {
            apply(try await store.engines())
            await gates.refresh()
            return true
        } catch {
            // One that was cut off at the worker's end is no news.
            if !Task.isCancelled { logger.warning("the engines could not be read, the known ones stay", metadata: ["error": "\(error)"]) }
            return false
        }
    }

    private func apply(_ rows: [EngineRow]) {
        let isNews = known.withLock { known in
            defer { known = rows }
            return known != rows
        }
        guard isNews else { return }
        var definitions: [EngineDefinition] = []
        for row in rows {
            do {
                definitions.append(try EngineDefinition(json: row.definition))
            } catch {
                logger.error("an engine's definition cannot be read", metadata: ["engine": "\(row.name)", "error": "\(error)"])
            }
        }
        for fault in engines.replace(with: definitions, defaultEngine: definitions.first?.name) {
            logger.error("an engine cannot be used", metadata: ["engine": "\(fault.engine)", "error": "\(fault.reason)"])
        }
        logger.info("engines", metadata: ["names": "\(engines.names.joined(separator: ", "))"])
    }
}
