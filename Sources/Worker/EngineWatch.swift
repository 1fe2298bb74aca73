import Domain
import Engines
import Logging
import ServiceLifecycle
import Store

/// Keeps the worker's engines as the database has them.
struct EngineWatch: Service {
    let engines: EngineRegistry
    let store: Store
    let interval: Duration
    let logger: Logger
    /// They are known now.
    let onRead: @Sendable () -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var known: [EngineRow] = []
            while !Task.isCancelled {
                do {
                    let rows = try await store.engines()
                    if rows != known {
                        apply(rows)
                        known = rows
                    }
                    onRead()
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("the engines could not be read, the known ones stay", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
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
