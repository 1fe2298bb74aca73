import Logging
import Postgres
import Store

/// What administration commands share: a database for as long as they run.
enum DatabaseSession {
    /// - Parameter statementTimeout: the longest time of one statement; nil leaves it as it is.
    static func with<Value: Sendable>(
        _ options: ServerOptions, statementTimeout: Duration? = nil, _ body: (PostgresClient) async throws -> Value
    ) async throws -> Value {
        let source = try ConfigurationSource(path: options.config)
        let logger = Logger.standardError("chorus", level: .error)
        var configuration = try ChorusConfiguration.database(source, "chorus-admin")
        if let statementTimeout { configuration.statementTimeout = statementTimeout }
        let database = PostgresClient(configuration: configuration, logger: logger)
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
