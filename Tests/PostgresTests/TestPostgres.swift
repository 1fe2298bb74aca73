import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

/// The real server that the tests talk to.
enum TestPostgres {
    static var url: String { get async throws { try await TestServers.postgres } }

    static let logger = Logger(label: "postgres.tests") { _ in SwiftLogNoOpLogHandler() }

    static func configuration(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws -> PostgresConfiguration {
        var configuration = try PostgresConfiguration(url: try await url)
        configuration.applicationName = "postgres-tests"
        change(&configuration)
        return configuration
    }

    static func connect(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws -> PostgresConnection {
        try await PostgresConnection.connect(try await configuration(change), logger: logger)
    }

    /// Runs `body` on a connection's thread and closes it.
    static func withConnection<Output: Sendable>(
        _ change: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: @Sendable (isolated PostgresConnection) async throws -> Output
    ) async throws -> Output {
        let connection = try await connect(change)
        do {
            let output = try await body(connection)
            await connection.close()
            return output
        } catch {
            await connection.close()
            throw error
        }
    }

    static func withClient<Output: Sendable>(
        _ change: (inout PostgresConfiguration) -> Void = { _ in }, _ body: (PostgresClient) async throws -> Output
    ) async throws -> Output {
        let client = PostgresClient(configuration: try await configuration(change), logger: logger)
        do {
            let output = try await body(client)
            await client.close()
            return output
        } catch {
            await client.close()
            throw error
        }
    }

    /// Polls until the condition holds; false after ten seconds.
    static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        do {
            try await TestSupport.eventually { try await condition() }
            return true
        } catch is NotEventually {
            return false
        }
    }

    /// Polls until a statement with this text runs at the server, or no longer does.
    static func eventually(running isWanted: Bool, _ marker: String) async throws -> Bool {
        try await eventually {
            try await withConnection { connection in
                let rows = try connection.query(
                    """
                    SELECT 1 FROM pg_stat_activity
                    WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%' || \(marker) || '%'
                    """)
                return rows.isEmpty != isWanted
            }
        }
    }
}

/// The error that `body` throws, as this module's.
func postgresError(_ body: () async throws -> Void) async -> PostgresError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// A value shared by a test's tasks.
final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    func withLock<Output: Sendable>(_ body: (inout Value) -> Output) -> Output {
        mutex.withLock { value in
            var copy = value
            let output = body(&copy)
            value = copy
            return output
        }
    }
}
