import Domain
import FoundationEssentials
import Logging
import ServiceLifecycle
import Store
import Synchronization

/// Writes `api_keys.last_used_at`, behind the requests and for many keys at once. What is lost with a process is lost: it is a hint for people.
final class KeyUseWriter: Service {
    private let store: Store
    private let logger: Logger
    private let pace: Duration
    private let uses = Mutex(KeyUses())

    init(store: Store, logger: Logger, pace: Duration = .seconds(5)) {
        self.store = store
        self.logger = logger
        self.pace = pace
    }

    /// The principal showed a credential that works.
    func note(_ principal: Principal) {
        guard let id = principal.keyID else { return }
        uses.withLock { $0.used(id, at: Date()) }
    }

    /// Writes until the graceful shutdown, and what is left then.
    func run() async {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await cancelWhenGracefulShutdown { try await ContinuousClock().sleep(for: self.pace) }
            await write()
        }
    }

    private func write() async {
        let due = uses.withLock { $0.take(at: Date()) }
        guard !due.isEmpty else { return }
        do {
            try await store.markUsed(due)
        } catch {
            logger.debug("the last use of keys was not written", metadata: [LogKey.error: "\(error)"])
        }
    }
}
