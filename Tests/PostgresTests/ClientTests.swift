import FoundationEssentials
import Postgres
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(2)))
struct ClientTests {
    private func echo(_ number: Int, _ client: PostgresClient) async throws -> [Int] {
        try await client.query("SELECT \(number)") { try $0[0, as: Int.self] }
    }

    @Test func aThousandCallersShareFourConnections() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 4
        } _: { client async throws in
            let most = Locked(0)
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        try await client.withConnection { connection in
                            most.withLock { $0 = max($0, client.statistics.connections) }
                            return try connection.query("SELECT \(number)").first?[0, as: Int.self] ?? 0
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 499_500)
            #expect(most.withLock { $0 } <= 4)
            #expect(client.statistics.waiters == 0)
            #expect(client.statistics.idle == client.statistics.connections)
        }
    }

    @Test func waitersAreServedInOrderAndBounded() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 1
            $0.maxWaiters = 3
            $0.poolWaitTimeout = .seconds(20)
        } _: { client async throws in
            let gate = AsyncStream<Void>.makeStream()
            let holder = Task {
                try await client.withConnection { _ in
                    for await _ in gate.stream {}
                }
            }
            #expect(try await TestPostgres.eventually { client.statistics.connections == 1 && client.statistics.idle == 0 })
            let order = Locked<[Int]>([])
            var waiters: [Task<Void, any Error>] = []
            for number in 0..<3 {
                waiters.append(Task { try await client.withConnection { _ in order.withLock { $0.append(number) } } })
                #expect(try await TestPostgres.eventually { client.statistics.waiters == number + 1 })
            }
            let refused = await postgresError { try await client.withConnection { _ in } }
            #expect(refused?.code == .poolExhausted)
            waiters[1].cancel()
            let cancelled = await postgresError { try await waiters[1].value }
            #expect(cancelled?.code == .cancelled)
            #expect(client.statistics.waiters == 2)
            gate.continuation.finish()
            try await holder.value
            try await waiters[0].value
            try await waiters[2].value
            #expect(order.withLock { $0 } == [0, 2])
        }
    }

    @Test func waitingHasADeadline() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 1
            $0.poolWaitTimeout = .seconds(2)
        } _: { client async throws in
            let gate = AsyncStream<Void>.makeStream()
            let holder = Task { try await client.withConnection { _ in for await _ in gate.stream {} } }
            #expect(try await TestPostgres.eventually { client.statistics.connections == 1 && client.statistics.idle == 0 })
            let error = await postgresError { try await client.withConnection { _ in } }
            #expect(error?.code == .poolExhausted)
            gate.continuation.finish()
            try await holder.value
        }
        let away = try PostgresConfiguration(url: "postgresql://127.0.0.1:1/nowhere")
        var configuration = away
        configuration.poolWaitTimeout = .seconds(2)
        let client = PostgresClient(configuration: configuration, logger: TestPostgres.logger)
        let error = await postgresError { try await client.execute("SELECT 1") }
        #expect(error?.code == .connectionFailed)
        await client.close()
        let closed = await postgresError { try await client.execute("SELECT 1") }
        #expect(closed?.code == .closed)
    }

    @Test func cancellationEndsTheStatement() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 2
        } _: { client async throws in
            let start = ContinuousClock.now
            let task = Task { try await client.execute("SELECT pg_sleep(30), 'cancelled-statement'") }
            #expect(try await TestPostgres.eventually(running: true, "cancelled-statement"))
            task.cancel()
            let error = await postgresError { _ = try await task.value }
            #expect(error?.code == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(try await TestPostgres.eventually(running: false, "cancelled-statement"))
            for number in 0..<10 {
                #expect(try await echo(number, client) == [number])
            }
            let early = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.execute("SELECT 1")
            }
            #expect(await postgresError { _ = try await early.value }?.code == .cancelled)
        }
    }

    @Test func theServersReturnIsNoticed() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 4
        } _: { client async throws in
            let ids = Locked<Set<Int32>>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await client.withConnection { connection in
                            _ = ids.withLock { $0.insert(connection.backendID) }
                            while ids.withLock({ $0.count }) < 4 { try await Task.sleep(for: .milliseconds(1)) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let old = ids.withLock { Array($0) }
            _ = try await TestPostgres.withConnection { try $0.execute("SELECT pg_terminate_backend(pid) FROM unnest(\(old)) pid") }
            let areGone = try await TestPostgres.eventually {
                try await TestPostgres.withConnection { try $0.query("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(\(old))").isEmpty }
            }
            #expect(areGone)
            // Idle connections that died are replaced without an error.
            for number in 0..<8 {
                #expect(try await echo(number, client) == [number])
            }
            // One that dies under a transaction gives a retryable error, and the next caller another connection.
            let error = await postgresError {
                try await client.transaction { connection in
                    let id = connection.backendID
                    _ = try await TestPostgres.withConnection { try $0.execute("SELECT pg_terminate_backend(\(id))") }
                    while true { try connection.execute("SELECT pg_sleep(0.01)") }
                }
            }
            #expect(error?.code == .connectionLost)
            #expect(error?.isRetryable == true)
            #expect(try await client.execute("SELECT 1") == 1)
        }
    }

    @Test func leasesLeaveNoTransactionOpen() async throws {
        try await TestPostgres.withClient {
            $0.poolSize = 1
        } _: { client async throws in
            for statement in ["SELECT 1", "SELECT 1/0"] as [PostgresQuery] {
                _ = try? await client.withConnection { connection in
                    _ = try connection.execute("BEGIN")
                    _ = try connection.execute(statement)
                }
                try await client.withConnection { connection in
                    try await connection.transaction { _ in }
                }
            }
            #expect(client.statistics.connections == 1)
        }
    }

    @Test func shutsDownGracefully() async throws {
        let client = PostgresClient(configuration: try await TestPostgres.configuration(), logger: TestPostgres.logger)
        let group = ServiceGroup(services: [client], logger: TestPostgres.logger)
        let running = Task { try await group.run() }
        let started = AsyncStream<Void>.makeStream()
        let holder = Task {
            try await client.withConnection { connection in
                started.continuation.finish()
                _ = try connection.execute("SELECT pg_sleep(0.5)")
            }
        }
        for await _ in started.stream {}
        await group.triggerGracefulShutdown()
        try await running.value
        try await holder.value
        #expect(client.statistics.connections == 0)
    }

    @Test func movesManyRowsABatch() async throws {
        try await TestPostgres.withClient { client async throws in
            _ = try await client.withConnection { connection in
                try connection.script("CREATE TEMPORARY TABLE rows (id uuid PRIMARY KEY, name text, body jsonb)")
                let clock = ContinuousClock()
                let ids = (0..<500).map { _ in UUID() }
                let names = ids.map { $0.uuidString }
                let bodies = names.map { JSONB(text: #"{"name": "\#($0)"}"#) }
                let elapsed = try clock.measure {
                    for _ in 0..<20 {
                        try connection.execute("DELETE FROM rows WHERE id = ANY(\(ids))")
                        try connection.execute("INSERT INTO rows SELECT * FROM unnest(\(ids), \(names), \(bodies))")
                        let read = try connection.query("SELECT id, name, body FROM rows WHERE id = ANY(\(ids))")
                            .map { try $0.decode(UUID.self, String.self, JSONB.self).1 }
                        #expect(read.count == 500)
                    }
                }
                print("30,000 row operations in \(elapsed)")
            }
        }
    }
}
