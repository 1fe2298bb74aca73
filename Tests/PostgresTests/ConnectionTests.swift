import FoundationEssentials
import Postgres
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test func serverErrorsSayAll() async throws {
        try await TestPostgres.withConnection { connection in
            try connection.script(
                "CREATE TEMPORARY TABLE people (id int8 CONSTRAINT people_key PRIMARY KEY, name text NOT NULL); INSERT INTO people VALUES (1, 'a')"
            )
            let double = #expect(throws: PostgresError.self) { try connection.execute("INSERT INTO people VALUES (\(1), \("secret"))") }
            #expect(double?.code == .server)
            #expect(double?.sqlState == "23505")
            #expect(double?.constraint == "people_key")
            #expect(double?.table == "people")
            #expect(double?.isRetryable == false)
            #expect(double?.shortDescription == "server 23505")
            #expect(double?.query?.contains("INSERT INTO people") == true)
            #expect(double?.description.contains("secret") == false)
            let null = #expect(throws: PostgresError.self) { try connection.execute("INSERT INTO people VALUES (\(2), \(String?.none))") }
            #expect(null?.sqlState == "23502")
            #expect(null?.column == "name")
            let syntax = #expect(throws: PostgresError.self) { try connection.execute("SELECT FROM WHERE") }
            #expect(syntax?.sqlState == "42601")
            #expect(syntax?.position != nil)
            let data = #expect(throws: PostgresError.self) { try connection.execute("SELECT \("hidden")::text::uuid") }
            #expect(data?.sqlState == "22P02")
            #expect(data?.description.contains("hidden") == false)
            #expect(try connection.execute("UPDATE people SET name = \("b")") == 1)
            #expect(try connection.query("").count == 0)
        }
    }

    @Test func pipelineIsAllOrNothing() async throws {
        try await TestPostgres.withConnection { connection in
            try connection.script("CREATE TEMPORARY TABLE numbers (n int8 PRIMARY KEY)")
            let results = try connection.pipeline([
                "INSERT INTO numbers VALUES (\(1)), (\(2))", "INSERT INTO numbers VALUES (\(3))", "SELECT n FROM numbers ORDER BY n",
            ])
            #expect(results.map(\.affectedRows) == [2, 1, 3])
            #expect(try results[2].map { try $0[0, as: Int.self] } == [1, 2, 3])
            let error = #expect(throws: PostgresError.self) {
                try connection.pipeline([
                    "INSERT INTO numbers VALUES (\(4))", "INSERT INTO numbers VALUES (\(1)) RETURNING n", "SELECT nothing_known",
                ])
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.query?.contains("RETURNING") == true)
            #expect(try connection.query("SELECT count(*) FROM numbers").first?[0, as: Int.self] == 3)
            #expect(try connection.pipeline([]).isEmpty)
            // Larger than the sockets' buffers in both directions.
            let text = String(repeating: "x", count: 100_000)
            let echoes = try connection.pipeline((0..<200).map { "SELECT \($0), \(text)" })
            let last = try #require(echoes.last?.first)
            #expect(try last.decode(Int.self, String.self) == (199, text))
        }
    }

    @Test func preparedStatementsAreBoundedAndRenewed() async throws {
        try await TestPostgres.withConnection {
            $0.statementCacheSize = 4
        } _: { connection in
            for number in 0..<40 {
                #expect(try connection.query("SELECT \(unescaped: String(number % 10)), \(number)").first?[1, as: Int.self] == number)
            }
            #expect(try connection.query("SELECT count(*) FROM pg_prepared_statements").first?[0, as: Int.self] ?? 99 <= 6)
            try connection.script("CREATE TEMPORARY TABLE changing (a int8); INSERT INTO changing VALUES (1)")
            #expect(try connection.query("SELECT * FROM changing").columnCount == 1)
            try connection.script("ALTER TABLE changing ADD COLUMN b int8")
            #expect(try connection.query("SELECT * FROM changing").columnCount == 2)
            try connection.script("DISCARD ALL")
            #expect(try connection.query("SELECT \(1)").first?[0, as: Int.self] == 1)
            #expect(try connection.query("SELECT \(1)").first?[0, as: Int.self] == 1)
        }
    }

    @Test func copiesManyRows() async throws {
        try await TestPostgres.withConnection { connection in
            try connection.script("CREATE TEMPORARY TABLE copied (id uuid, n int8, t text, j jsonb, m int4)")
            var n = 0
            let count = try connection.copyIn("COPY copied FROM STDIN (FORMAT binary)") { writer in
                n += 1
                writer.row(UUID(), n, "text \(n)", JSONB(text: "{}"), n % 2 == 0 ? nil : Int32(n))
                return n < 100_000
            }
            #expect(count == 100_000)
            let row = try #require(try connection.query("SELECT count(*), sum(n), count(m), max(t) FROM copied").first)
            #expect(try row.decode(Int.self, Int.self, Int.self) == (100_000, 5_000_050_000, 50_000))

            struct Stop: Error {}
            #expect(throws: Stop.self) {
                var lines = 0
                try connection.copyIn("COPY copied (n) FROM STDIN") { () throws -> [UInt8]? in
                    lines += 1
                    if lines > 3 { throw Stop() }
                    return Array("\(lines)\n".utf8)
                }
            }
            let bad = #expect(throws: PostgresError.self) {
                var lines = 0
                try connection.copyIn("COPY copied (n) FROM STDIN") { () throws -> [UInt8]? in
                    lines += 1
                    return lines > 1_000 ? nil : Array("no number\n".utf8)
                }
            }
            #expect(bad?.sqlState == "22P02")
            let missing = #expect(throws: PostgresError.self) { try connection.copyIn("COPY nowhere FROM STDIN") { nil } }
            #expect(missing?.sqlState == "42P01")
            #expect(try connection.query("SELECT count(*) FROM copied").first?[0, as: Int.self] == 100_000)
            let misuse = #expect(throws: PostgresError.self) { try connection.query("COPY copied FROM STDIN") }
            #expect(misuse != nil)
        }
    }

    @Test func transactionsCommitAndRollBack() async throws {
        struct Stop: Error {}
        try await TestPostgres.withConnection { connection in
            try connection.script("CREATE TEMPORARY TABLE kept (n int8 UNIQUE)")
            try await connection.transaction { connection in
                _ = try connection.execute("INSERT INTO kept VALUES (1)")
            }
            await #expect(throws: Stop.self) {
                try await connection.transaction { connection in
                    try connection.execute("INSERT INTO kept VALUES (2)")
                    throw Stop()
                }
            }
            let swallowed = await postgresError {
                try await connection.transaction { connection in
                    try connection.execute("INSERT INTO kept VALUES (3)")
                    _ = try? connection.execute("INSERT INTO kept VALUES (1)")
                }
            }
            #expect(swallowed?.sqlState == "25P02")
            let nested = await postgresError {
                try await connection.transaction { connection in
                    try await connection.transaction { _ in }
                }
            }
            #expect(nested?.code == .invalidQuery)
            #expect(try connection.query("SELECT n FROM kept").map { try $0[0, as: Int.self] } == [1])
            let level = try await connection.transaction(.snapshot) { connection in
                try connection.query("SHOW transaction_isolation").first?[0, as: String.self]
            }
            #expect(level == "repeatable read")
        }
    }

    @Test func scriptsHaveTheirOwnTimeout() async throws {
        try await TestPostgres.withConnection {
            $0.statementTimeout = .milliseconds(200)
            $0.answerGrace = .seconds(10)
        } _: { connection in
            try connection.script("SELECT pg_sleep(0.4)", timeout: .seconds(5))
            let error = #expect(throws: PostgresError.self) { try connection.script("SELECT pg_sleep(5)") }
            #expect(error?.code == .timedOut)
            #expect(try connection.query("SHOW statement_timeout").first?[0, as: String.self] == "200ms")
        }
    }

    /// The server ends the statement; should it not, the client does, and closes the connection.
    @Test func waitsAreBounded() async throws {
        try await TestPostgres.withConnection {
            $0.statementTimeout = .milliseconds(300)
            $0.answerGrace = .seconds(3)
        } _: { connection in
            let start = ContinuousClock.now
            let error = #expect(throws: PostgresError.self) { try connection.execute("SELECT pg_sleep(30)") }
            #expect(error?.code == .timedOut)
            #expect(error?.isRetryable == true)
            let survives = !connection.isClosed
            #expect(survives)
            try connection.script("SET statement_timeout = 0")
            let second = #expect(throws: PostgresError.self) { try connection.execute("SELECT pg_sleep(30)") }
            #expect(second?.code == .timedOut)
            let isClosed = connection.isClosed
            #expect(isClosed)
            #expect(ContinuousClock.now - start < .seconds(20))
            let third = #expect(throws: PostgresError.self) { try connection.execute("SELECT 1") }
            #expect(third?.code == .closed)
        }
    }

    /// What stands still in a transaction loses its session, and its locks with it.
    @Test func idleTransactionsAreBounded() async throws {
        try await TestPostgres.withConnection {
            $0.idleTransactionTimeout = .milliseconds(100)
        } _: { connection in
            let id = connection.backendID
            let error = await postgresError {
                try await connection.transaction { connection in
                    try connection.execute("SELECT 1")
                    try await TestPostgres.withConnection { observer in
                        for _ in 0..<200 where try !observer.query("SELECT 1 FROM pg_stat_activity WHERE pid = \(id)").isEmpty {
                            try observer.execute("SELECT pg_sleep(0.05)")
                        }
                    }
                    try connection.execute("SELECT 2")
                }
            }
            #expect(error?.isRetryable == true && error?.leavesOutcomeOpen == false, "\(error.map { "\($0)" } ?? "")")
        }
    }

    @Test func aTerminatedSessionIsARetryableLoss() async throws {
        let connection = try await TestPostgres.connect()
        let id = await connection.backendID
        let task = Task { try await connection.execute("SELECT pg_sleep(30), 'terminated-session'") }
        #expect(try await TestPostgres.eventually(running: true, "terminated-session"))
        _ = try await TestPostgres.withConnection { try $0.execute("SELECT pg_terminate_backend(\(id))") }
        let error = await postgresError { _ = try await task.value }
        #expect(error?.code == .connectionLost)
        #expect(error?.sqlState == "57P01")
        #expect(error?.isRetryable == true)
        #expect(await connection.isClosed)
    }

    @Test func cancellationReachesAConnectionOfOnesOwn() async throws {
        let connection = try await TestPostgres.connect()
        let task = Task { try await connection.perform { try $0.execute("SELECT pg_sleep(30), 'own-connection'") } }
        #expect(try await TestPostgres.eventually(running: true, "own-connection"))
        task.cancel()
        let error = await postgresError { _ = try await task.value }
        #expect(error?.code == .cancelled)
        #expect(await connection.isClosed)
    }

    /// A host that takes the connection and says nothing costs its own time only: the next host is asked.
    @Test func aSilentHostIsPassedOver() async throws {
        let silent = try SilentServer()
        defer { silent.close() }
        var configuration = try PostgresConfiguration(url: "postgresql://127.0.0.1:\(silent.port)/nothing")
        configuration.connectTimeout = .milliseconds(200)
        let start = ContinuousClock.now
        let error = await postgresError { _ = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger) }
        #expect(error?.code == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(5))
        let url = try await TestPostgres.url
        if let at = url.firstIndex(of: "@") {
            let both = url[...at] + "127.0.0.1:\(silent.port)," + url[url.index(after: at)...]
            configuration = try PostgresConfiguration(url: String(both))
            configuration.connectTimeout = .seconds(1)
            let connection = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger)
            #expect(await connection.backendID > 0)
            await connection.close()
        }
    }

    @Test func connectingFailsInTime() async throws {
        // Port 1 of loopback refuses.
        let refused = await postgresError {
            let configuration = try PostgresConfiguration(url: "postgresql://someone:hunter2@127.0.0.1:1/nowhere")
            _ = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger)
        }
        #expect(refused?.code == .connectionFailed)
        #expect(refused?.isRetryable == true)
        #expect(refused.map { "\($0) \(String(reflecting: $0))" }?.contains("hunter2") == false)
        for (option, state) in [("dbname=no_such_database", "3D000"), ("password=hunter2", "28P01")] {
            let refusal = await postgresError {
                let url = try await TestPostgres.url
                let configuration = try PostgresConfiguration(url: url + (url.contains("?") ? "&" : "?") + option)
                #expect("\(configuration) \(String(reflecting: configuration))".contains("hunter2") == false)
                _ = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger)
            }
            #expect(refusal?.sqlState == state)
            #expect(refusal?.isRetryable == false)
            #expect(refusal.map { "\($0)" }?.contains("hunter2") == false)
        }
        // The first of two hosts refuses, the second is the server.
        let options = try await TestPostgres.url
        let parts = options.split(separator: "@", maxSplits: 1)
        if parts.count == 2 {
            let second = try await PostgresConnection.connect(
                PostgresConfiguration(url: "\(parts[0])@127.0.0.1:1,\(parts[1])"), logger: TestPostgres.logger)
            #expect(await second.backendID > 0)
            await second.close()
        }
        for url in ["mysql://x:hunter2@y", "postgresql://a:hunter2@[::1", "postgresql://h/d?hunter2", ""] {
            let error = #expect(throws: PostgresError.self) { try PostgresConfiguration(url: url) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error.map { "\($0)" }?.contains("hunter2") == false)
        }
    }
}
