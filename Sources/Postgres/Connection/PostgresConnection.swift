import CLibPQ
import Logging
import SocketExecutor

/// One session with a PostgreSQL server, on a thread of its own.
///
/// The methods are synchronous and isolated: from outside, each call crosses to the thread; a closure isolated to the connection
/// makes many calls in one crossing. They block the thread while the server works, never longer than the deadline, and nothing else.
///
/// A connection that broke, timed out or was closed stays closed: every call then throws `.closed`.
public actor PostgresConnection {
    nonisolated let executor: SocketExecutor
    let configuration: PostgresConfiguration
    let logger: Logger
    let notices: LibPQNotices
    var handle: LibPQConnection?
    var statements: StatementCache
    var cancellation: LibPQCancellation?
    /// Where notifications go; nil while nobody reads them.
    var notificationSink: AsyncStream<PostgresNotification>.Continuation?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(configuration: PostgresConfiguration, logger: Logger) {
        self.executor = SocketExecutor(name: "postgres")
        self.configuration = configuration
        self.logger = logger
        self.notices = LibPQNotices(logger: logger)
        self.statements = StatementCache(capacity: configuration.statementCacheSize)
    }

    deinit {
        notificationSink?.finish()
        executor.shutDown()
    }

    public var isClosed: Bool { handle == nil }

    /// The server process of this session (`pg_backend_pid()`); 0 once closed.
    public var backendID: Int32 { handle?.pointer.map { PQbackendPID($0) } ?? 0 }

    /// The server's version as libpq counts: 150020 is 15.20; 0 once closed.
    public var serverVersion: Int32 { handle?.pointer.map { PQserverVersion($0) } ?? 0 }

    /// Ends the session; an open transaction is rolled back by the server.
    public func close() {
        endNotifications()
        handle = nil
        cancellation = nil
    }

    /// The open connection, or `.closed`.
    func openPointer() throws(PostgresError) -> OpaquePointer {
        guard let pointer = handle?.pointer else { throw PostgresError(.closed, "the connection is closed") }
        return pointer
    }

    func deadline(_ timeout: Duration? = nil) -> ContinuousClock.Instant {
        .now + (timeout ?? configuration.statementTimeout) + configuration.answerGrace
    }

    /// Closes the connection and tells why; for what no later statement can put right.
    func fail(_ code: PostgresError.Code, _ message: String, file: String = #fileID, line: Int = #line) -> PostgresError {
        logger.warning(
            "database connection closed", metadata: [PostgresLogKeys.error: "\(code.rawValue)", PostgresLogKeys.message: "\(message)"])
        close()
        return PostgresError(code, message, file: file, line: line)
    }
}
