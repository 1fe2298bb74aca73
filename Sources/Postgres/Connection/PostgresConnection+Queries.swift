import CLibPQ

extension PostgresConnection {
    /// Runs one statement and returns its rows.
    ///
    /// Throws `.server` with the SQLSTATE, `.invalidQuery` before anything is sent, `.cancelled`, `.timedOut`, `.connectionLost`.
    public func query(_ query: PostgresQuery) throws(PostgresError) -> PostgresRows {
        guard let rows = try run([query]).first else { throw fail(.protocolViolation, "a statement has no result") }
        return rows
    }

    /// Runs one statement and returns the number of rows it touched.
    @discardableResult
    public func execute(_ query: PostgresQuery) throws(PostgresError) -> Int {
        try self.query(query).affectedRows
    }

    /// Runs statements in one round trip and, outside of a transaction, as one: the first error is thrown and all are rolled back.
    ///
    /// Throws like `query(_:)`. All parameters are in memory until the end: keep batches to some megabytes.
    public func pipeline(_ queries: [PostgresQuery]) throws(PostgresError) -> [PostgresRows] {
        try run(queries)
    }

    /// Runs several statements separated by semicolons, e.g. a migration, and drops their rows. Without BEGIN they are one transaction.
    ///
    /// `timeout` replaces `statementTimeout`, at the server too, for each statement and for all together.
    public func script(_ sql: String, timeout: Duration? = nil) throws(PostgresError) {
        try withServerTimeout(timeout) { connection, pointer throws(PostgresError) in
            try connection.beginStatement(isControl: false)
            defer { connection.cancellation?.endStatement() }
            try connection.runScript(sql, pointer, until: connection.deadline(timeout))
        }
    }

    func runScript(_ sql: String, _ pointer: OpaquePointer, until deadline: ContinuousClock.Instant) throws(PostgresError) {
        guard !sql.holdsNUL else { throw PostgresError(.invalidQuery, "the script's text holds a NUL character") }
        let start = ContinuousClock.now
        guard PQsendQuery(pointer, sql) == 1 else { throw lost(pointer) }
        try flush(pointer, until: deadline)
        var failure: PostgresError?
        while let result = try nextResult(pointer, until: deadline) {
            switch result.status {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: break
            case PGRES_FATAL_ERROR:
                let error = serverError(result, pointer, startedAt: start).about(sql: sql)
                if failure == nil { failure = error }
                guard handle != nil else { throw error }
            default: throw fail(.protocolViolation, "an unexpected result, status \(result.status.rawValue), in a script")
            }
        }
        deliverNotifications(pointer)
        if let failure { throw failure }
    }

    /// Sets the server's `statement_timeout` for the time of `body`; it is left in place if the transaction has failed, since the
    /// rollback to come undoes it.
    func withServerTimeout<Result>(
        _ timeout: Duration?, _ body: (isolated PostgresConnection, OpaquePointer) throws(PostgresError) -> Result
    ) throws(PostgresError) -> Result {
        let pointer = try openPointer()
        guard let timeout else { return try body(self, pointer) }
        try setServerTimeout(timeout, pointer)
        do {
            let result = try body(self, pointer)
            try setServerTimeout(configuration.statementTimeout, pointer)
            return result
        } catch {
            if handle != nil, PQtransactionStatus(pointer) == PQTRANS_IDLE { try setServerTimeout(configuration.statementTimeout, pointer) }
            throw error
        }
    }

    private func setServerTimeout(_ timeout: Duration, _ pointer: OpaquePointer) throws(PostgresError) {
        try runScript("SET statement_timeout = \(timeout.wholeMilliseconds)", pointer, until: deadline())
    }
}
