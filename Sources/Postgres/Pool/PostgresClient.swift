public import Logging
public import ServiceLifecycle
import Synchronization

/// A bounded pool of connections: made when needed, dropped when broken, lent to one caller at a time.
///
/// It works as soon as it exists; `run()` adds the graceful end for long-lived programs, `close()` is that end for short ones.
/// Callers who find no connection free wait in order, up to `poolWaitTimeout`; while the server is away they wait for its return.
///
/// What a caller changes in its session beyond a transaction (SET, LISTEN, session locks) stays with the connection: use
/// `PostgresConnection.connect(_:logger:)` for such work.
public final class PostgresClient: Service, Sendable {
    typealias Waiter = CheckedContinuation<Result<PostgresConnection, PostgresError>, Never>

    struct State {
        var machine: PoolMachine<PostgresConnection, Waiter>
        var lastID: UInt64 = 0
        /// Why the last attempt to connect failed; nil once one succeeded.
        var lastFailure: PostgresError?
        var timer: Task<Void, Never>?
        var drainWaiters: [CheckedContinuation<Void, Never>] = []
    }

    public let configuration: PostgresConfiguration
    let logger: Logger
    let state: Mutex<State>

    public init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.state = Mutex(State(machine: PoolMachine(size: configuration.poolSize, maxWaiters: configuration.maxWaiters)))
    }

    /// Returns after graceful shutdown (or cancellation), when connections in use have come back or `drainTimeout` has passed.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Refuses new callers, fails those who wait, and waits for connections in use, for `drainTimeout` at most.
    public func close() async {
        let (idle, waiters, timer) = state.withLock { state in
            let (idle, waiters) = state.machine.close()
            return (idle, waiters, state.timer)
        }
        timer?.cancel()
        for waiter in waiters { waiter.resume(returning: .failure(PostgresError(.closed, "the client was closed"))) }
        for connection in idle { await connection.close() }
        await waitUntilDrained()
    }

    public var statistics: PostgresPoolStatistics {
        state.withLock { state in
            let machine = state.machine
            return PostgresPoolStatistics(
                connections: machine.idle.count + machine.leased, idle: machine.idle.count, connecting: machine.connecting,
                waiters: machine.waiters.count, size: machine.size, waits: machine.waits, refusals: machine.refusals)
        }
    }

    /// Lends a connection for the time of `body`, which runs on the connection's thread: many calls, one crossing.
    ///
    /// Do nothing slow in `body` but database work. A transaction that `body` leaves open is rolled back. If the caller's task is
    /// cancelled, a running statement is too. Throws what `body` throws, `.poolExhausted`, `.connectionFailed`, `.closed`, `.cancelled`.
    public func withConnection<Output: Sendable>(
        _ body: @Sendable (isolated PostgresConnection) async throws -> Output
    ) async throws -> Output {
        // After a server's restart each idle connection may turn out dead, but each only once.
        for _ in 0...(configuration.poolSize + 1) {
            let connection = try await acquire()
            switch await connection.lease(body) {
            case .stale: release(connection, isReusable: false)
            case .finished(let result, let isReusable):
                release(connection, isReusable: isReusable)
                return try result.get()
            }
        }
        throw PostgresError(.connectionLost, "the server closes every connection")
    }

    /// Lends a connection and runs `body` in a transaction; see `PostgresConnection.transaction(_:_:)`.
    public func transaction<Output: Sendable>(
        _ mode: PostgresTransactionMode = .standard, _ body: @Sendable (isolated PostgresConnection) async throws -> Output
    ) async throws -> Output {
        try await withConnection { connection in
            try await connection.transaction(mode, body)
        }
    }
}
