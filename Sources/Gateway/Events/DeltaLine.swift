import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Store
import Synchronization

/// Asks workers for what the tasks say that somebody follows here, and hands it to the hub. Without such a reader it has no session, and
/// asks for nothing.
final class DeltaLine: Service {
    /// How often workers are told that somebody still reads.
    private static let round = Duration.seconds(10)
    private static let retryPause = Duration.seconds(1)

    private let store: Store
    private let hub: EventHub
    private let logger: Logger
    private let channel = Store.deltaChannel(of: .v7())

    init(hub: EventHub, logger: Logger) {
        store = hub.store
        self.hub = hub
        self.logger = logger
    }

    /// Runs until the graceful shutdown.
    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in self.hub.tasksToAskFor.wakeUps {
                while self.hub.followsTasks, !Task.isCancelled {
                    do {
                        try await self.listen()
                    } catch {
                        if Task.isCancelled { return }
                        self.logger.warning(
                            "the session that hears what tasks say failed", metadata: [LogKey.error: "\(error)"])
                        try? await Task.sleep(for: Self.retryPause)
                    }
                }
            }
        }
    }

    /// Until nobody follows a task any more, or the session breaks.
    private func listen() async throws {
        let connection = try await PostgresConnection.connect(
            store.database.configuration, logger: logger)
        do {
            let notifications = try await connection.notifications()
            try await Self.subscribe(to: channel, connection)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [hub] in
                    for await notification in notifications {
                        if let delta = AnswerDelta(json: notification.payload) { hub.hand(delta) }
                    }
                    throw PostgresError(.connectionLost, "the session has ended")
                }
                group.addTask { try await self.ask() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private func ask() async throws {
        var next = ContinuousClock.now
        while hub.followsTasks {
            let first = hub.tasksToAskFor.take()
            if !first.isEmpty {
                try await store.askForDeltas(of: Array(first), on: channel, isFirst: true)
            }
            if ContinuousClock.now >= next {
                next = .now + Self.round
                let followed = hub.followedTasks
                if !followed.isEmpty {
                    try await store.askForDeltas(of: followed, on: channel, isFirst: false)
                }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func subscribe(to channel: String, _ connection: isolated PostgresConnection)
        throws
    {
        try connection.script("LISTEN \(channel)")
    }
}

/// Tasks whose workers have yet to hear that somebody follows them here.
final class TasksToAskFor: Sendable {
    private let ids = Mutex<Set<UUID>>([])
    private let wakeUp: AsyncStream<Void>.Continuation
    let wakeUps: AsyncStream<Void>

    init() { (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ id: UUID) {
        ids.withLock { _ = $0.insert(id) }
        wakeUp.yield()
    }

    func take() -> Set<UUID> {
        ids.withLock { ids in
            defer { ids = [] }
            return ids
        }
    }
}
