import TestSupport
import Testing

@testable import Postgres

/// Several hosts of which one takes writes, and servers that stop to take them.
@Suite(.timeLimit(.minutes(1)))
struct FailoverTests {
    /// The test server's URL with this host before, or behind, its own.
    private func url(_ change: (_ host: Substring) -> String) async throws -> String {
        let url = try await TestPostgres.url
        let parts = try #require(url.firstMatch(of: #/^(?<head>[^@]+@)(?<host>[^/]+)(?<rest>.*)$/#)).output
        return parts.head + change(parts.host) + parts.rest
    }

    /// Hosts without ports mean PostgreSQL's own; one port is that of all.
    @Test(arguments: [
        ("postgresql://u@a,b/d", ["a:5432", "b:5432"]), ("postgresql://u@a:1,b/d", ["a:1", "b:5432"]),
        ("postgresql://u@a,b/d?port=7", ["a:7", "b:7"]), ("postgresql://u@a:1,b:2/d", ["a:1", "b:2"]),
    ])
    func hostsHaveTheirPorts(url: String, expected: [String]) throws {
        let targets = try ConnectionOptions(url: url).targets
        #expect(targets.map { "\($0.host ?? "-"):\($0.port ?? "-")" } == expected)
    }

    /// A session that turns out to be read only is not used again.
    @Test func aReadOnlySessionIsLeft() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 1
        } _: { client async throws in
            let first = Locked<Int32>(0)
            let error = await postgresError {
                try await client.withConnection { connection in
                    first.withLock { $0 = connection.backendID }
                    try connection.script("SET default_transaction_read_only = on")
                    try connection.script("CREATE TABLE never_made (id int8)")
                }
            }
            #expect(error?.sqlState == "25006")
            #expect(error?.isRetryable == true && error?.leavesOutcomeOpen == false)
            let second = try await client.withConnection { connection in
                try connection.script("CREATE TEMPORARY TABLE made (id int8)")
                return connection.backendID
            }
            #expect(second != first.withLock { $0 })
        }
    }

    /// With several hosts one is looked for that takes writes; the URL may ask for any.
    @Test func severalHostsMeanTheOneThatTakesWrites() async throws {
        let twice = try await url { "\($0),\($0)" }
        let readOnly = (twice.contains("?") ? "&" : "?") + "options=-c%20default_transaction_read_only%3Don"
        let refused = await postgresError {
            _ = try await PostgresConnection.connect(PostgresConfiguration(url: twice + readOnly), logger: TestPostgres.logger)
        }
        #expect(refused?.code == .connectionFailed && refused?.message.contains("read-only") == true)
        #expect(refused?.isRetryable == true)
        let any = try await PostgresConnection.connect(
            PostgresConfiguration(url: twice + readOnly + "&target_session_attrs=any"), logger: TestPostgres.logger)
        await any.close()
    }

    /// A host that does not answer costs its time once; those who connect later begin with the one that did.
    @Test func theHostThatAnsweredIsAskedFirst() async throws {
        let silent = try SilentServer()
        defer { silent.close() }
        var configuration = try PostgresConfiguration(url: try await url { "127.0.0.1:\(silent.port),\($0)" })
        configuration.connectTimeout = .seconds(2)
        for expected in [1, 0, 0] {
            let connection = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger)
            await connection.close()
            #expect(silent.connections() == expected)
        }
    }
}
