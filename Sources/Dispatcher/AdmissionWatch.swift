import FoundationEssentials
import Logging
import Postgres
import Store

/// Hears from the database that a task may run which could not before, such as a parent whose last child has ended: a tick would find it,
/// only later; and that an engine's gate was closed or opened. A session of its own, which is opened anew when it breaks.
struct AdmissionWatch {
    private static let retryPause = Duration.seconds(1)

    private let database: PostgresConfiguration
    private let logger: Logger
    private let onNews: @Sendable (_ isAboutGates: Bool) -> Void

    /// - Parameter onNews: called for each word from the database, and when a session begins: one may have been missed.
    init(database: PostgresConfiguration, logger: Logger, onNews: @escaping @Sendable (_ isAboutGates: Bool) -> Void) {
        self.database = database
        self.logger = logger
        self.onNews = onNews
    }

    /// Listens until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await listen()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("the session that hears of new work failed, it is opened anew", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.retryPause)
        }
    }

    private func listen() async throws {
        let connection = try await PostgresConnection.connect(database, logger: logger)
        do {
            let notifications = try await connection.notifications()
            try await Self.subscribe(connection)
            onNews(true)
            for await notification in notifications { onNews(notification.channel == Store.gateChannel) }
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private static func subscribe(_ connection: isolated PostgresConnection) throws {
        try connection.script("LISTEN \(Store.admissionChannel); LISTEN \(Store.gateChannel)")
    }
}
