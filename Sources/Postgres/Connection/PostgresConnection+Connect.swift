import CLibPQ
public import Logging
import SocketExecutor
import Synchronization

extension PostgresConnection {
    /// Opens a session with the first host of the URL that takes it, beginning with the one that did so last.
    ///
    /// Throws `.connectionFailed` with the last host's reason, `.timedOut`, or `.cancelled` (looked at between hosts).
    public static func connect(_ configuration: PostgresConfiguration, logger: Logger) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(configuration: configuration, logger: logger)
        try await connection.open()
        return connection
    }

    private func open() throws(PostgresError) {
        let options = try ConnectionOptions(url: configuration.url)
        let targets = options.targets
        let first = configuration.lastHost.index.load(ordering: .relaxed)
        var failure: PostgresError?
        for index in targets.indices.map({ ($0 + first) % targets.count }) {
            guard !Task.isCancelled else { throw PostgresError(.cancelled, "cancelled while connecting") }
            do {
                try open(targets[index], options)
                return configuration.lastHost.index.store(index, ordering: .relaxed)
            } catch {
                close()
                failure = error
            }
        }
        throw failure ?? PostgresError(.connectionFailed, "the URL names no host")
    }

    private func open(_ target: ConnectionOptions.Target, _ options: ConnectionOptions) throws(PostgresError) {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        handle = LibPQConnection.start(configuration, options: options, target: target)
        guard let pointer = handle?.pointer else { throw PostgresError(.connectionFailed, "no memory for a connection") }
        notices.receive(from: pointer)
        PQsetErrorVerbosity(pointer, PQERRORS_VERBOSE)
        var status = PQstatus(pointer) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while status != PGRES_POLLING_OK {
            guard status != PGRES_POLLING_FAILED else { throw connectFailure(pointer) }
            let readiness = executor.block(
                on: PQsocket(pointer), for: status == PGRES_POLLING_READING ? .readable : .writable, until: deadline)
            guard !readiness.isEmpty else { throw PostgresError(.timedOut, "connecting took longer than \(configuration.connectTimeout)") }
            status = PQconnectPoll(pointer)
        }
        guard PQsetnonblocking(pointer, 1) == 0, let cancellation = LibPQCancellation(of: pointer) else { throw connectFailure(pointer) }
        PQsetErrorVerbosity(pointer, PQERRORS_DEFAULT)
        self.cancellation = cancellation
        statements = StatementCache(capacity: configuration.statementCacheSize)
    }

    /// libpq keeps no SQLSTATE of a failed connect, but writes it into its verbose text: `FATAL:  28P01: password …`.
    private func connectFailure(_ pointer: OpaquePointer) -> PostgresError {
        let lines = PQerrorMessage(pointer).map { String(cString: $0).split(separator: "\n") } ?? []
        var error = PostgresError(.connectionFailed, lines.filter { !$0.hasPrefix("LOCATION:") }.joined(separator: " "))
        error.sqlState = error.message.firstMatch(of: #/:  ([0-9A-Z]{5}): /#).map { String($0.output.1) }
        return error
    }
}
