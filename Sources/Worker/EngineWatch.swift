import Domain
import Engines
import Logging
import Store

/// Keeps the worker's engines, and what it knows of their gates, as the database has them.
struct EngineWatch {
    /// The pause after a first reading that failed.
    private static let firstRetry = Duration.milliseconds(500)

    let engines: EngineRegistry
    let gates: EngineGates
    let store: Store
    let interval: Duration
    let logger: Logger
    private var known: [EngineRow]?

    init(engines: EngineRegistry, gates: EngineGates, store: Store, interval: Duration, logger: Logger) {
        self.engines = engines
        self.gates = gates
        self.store = store
        self.interval = interval
        self.logger = logger
    }

    /// Reads the engines for the first time, however long the database is away. A task that is claimed before would fail for want of an engine.
    mutating func begin() async {
        while !Task.isCancelled, known == nil {
            await read()
            if known == nil { try? await Task.sleep(for: Self.firstRetry) }
        }
    }

    /// Reads them again and again, until the task is cancelled.
    mutating func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            await read()
        }
    }

    private mutating func read() async {
        do {
            let rows = try await store.engines()
            if rows != known { apply(rows) }
            known = rows
            await gates.refresh()
        } catch is CancellationError {
        } catch {
            logger.warning("the engines could not be read, the known ones stay", metadata: ["error": "\(error)"])
        }
    }

    private func apply(_ rows: [EngineRow]) {
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
