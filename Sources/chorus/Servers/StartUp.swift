import Logging
import Postgres
import Store

/// What a server makes sure of before it works.
enum StartUp {
    /// How long a server waits for a database that is not there yet: after a power cut everything starts at once.
    private static let patience = Duration.seconds(60)

    /// Waits for the database, then sees that its schema is this release's.
    static func check(_ database: PostgresClient, _ logger: Logger) async throws {
        let end = ContinuousClock.now + patience
        while true {
            do {
                return try await Migrator(database).check()
            } catch let error as PostgresError where error.isRetryable && ContinuousClock.now < end {
                logger.warning("the database does not answer yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
