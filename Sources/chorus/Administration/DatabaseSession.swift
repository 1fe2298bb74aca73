import Logging
import Postgres
import Store

/// What administration commands share: a database for as long as they run.
enum DatabaseSession {
    static func with<Value: Sendable>(_ options: ServerOptions, _ body: (PostgresClient) async throws -> Value) async throws -> Value {
        let source = try ConfigurationSource(path: options.config)
        let logger = Logger.standardError("chorus", level: .error)
        let database = PostgresClient(configuration: try ChorusConfiguration.database(source, "chorus-admin"), logger: logger)
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}
