import CLibPQ

extension PostgresConnection {
    /// What was sent to the server, in order; each gets its results in the same order.
    private enum Step {
        case deallocate(name: String)
        case prepare(StatementCache.Key)
        case execute(query: Int)
        case sync
    }

    /// Runs statements in libpq's pipeline mode: one round trip, one implicit transaction. The first error is thrown.
    ///
    /// Statements met for the first time are prepared in the same round trip. If those prepared earlier turn out to be out of date
    /// (a table has changed, `DISCARD ALL`), they are dropped and, outside of a transaction, the batch runs once more.
    func run(_ queries: [PostgresQuery], isControl: Bool = false) throws(PostgresError) -> [PostgresRows] {
        let pointer = try openPointer()
        for query in queries {
            if let problem = query.problem { throw PostgresError(.invalidQuery, problem).about(query: query) }
        }
        try beginStatement(isControl: isControl)
        defer {
            cancellation?.endStatement()
            if let pointer = handle?.pointer { deliverNotifications(pointer) }
        }
        let isFree = PQtransactionStatus(pointer) == PQTRANS_IDLE
        do {
            return try attempt(queries, pointer)
        } catch {
            guard error.sqlState == "0A000" || error.sqlState == "26000", handle != nil, statements.count > 0 else { throw error }
            statements.discardAll()
            guard isFree, PQtransactionStatus(pointer) == PQTRANS_IDLE else { throw error }
            return try attempt(queries, pointer)
        }
    }

    private func attempt(_ queries: [PostgresQuery], _ pointer: OpaquePointer) throws(PostgresError) -> [PostgresRows] {
        let start = ContinuousClock.now
        let deadline = deadline()
        guard PQenterPipelineMode(pointer) == 1 else { throw lost(pointer) }
        var steps: [Step] = []
        do {
            try sendDeallocations(pointer, &steps)
            for index in queries.indices { try send(queries[index], index, pointer, &steps) }
            try check(PQpipelineSync(pointer), pointer)
            steps.append(.sync)
            try flush(pointer, until: deadline)
        } catch {
            // Half a batch must not linger: the next flush would run it.
            close()
            throw error
        }
        return try collect(steps, queries, pointer, start, deadline)
    }

    /// In a round of their own, so that their failure is not the batch's.
    private func sendDeallocations(_ pointer: OpaquePointer, _ steps: inout [Step]) throws(PostgresError) {
        guard !statements.obsolete.isEmpty, PQtransactionStatus(pointer) != PQTRANS_INERROR else { return }
        for name in statements.obsolete.prefix(32) {
            try check(PQsendQueryParams(pointer, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1), pointer)
            steps.append(.deallocate(name: name))
        }
        try check(PQpipelineSync(pointer), pointer)
        steps.append(.sync)
    }

    private func send(_ query: PostgresQuery, _ index: Int, _ pointer: OpaquePointer, _ steps: inout [Step]) throws(PostgresError) {
        let key = StatementCache.Key(sql: query.sql, types: query.parameters.types)
        let name: String
        switch statements.find(key) {
        case .prepared(let known): name = known
        case .new(let new):
            name = new
            let types = key.types.map(\.rawValue)
            try check(PQsendPrepare(pointer, name, query.sql, Int32(types.count), types), pointer)
            steps.append(.prepare(key))
        }
        let isSent = query.parameters.withPointers { values, lengths, formats in
            PQsendQueryPrepared(pointer, name, Int32(query.parameters.count), values, lengths, formats, 1)
        }
        try check(isSent, pointer)
        steps.append(.execute(query: index))
    }

    private func check(_ result: Int32, _ pointer: OpaquePointer) throws(PostgresError) {
        if result == 0 { throw PostgresError(.connectionLost, LibPQResult.trimmed(PQerrorMessage(pointer))) }
    }

    private func collect(
        _ steps: [Step], _ queries: [PostgresQuery], _ pointer: OpaquePointer, _ start: ContinuousClock.Instant,
        _ deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> [PostgresRows] {
        var rows: [PostgresRows] = []
        rows.reserveCapacity(queries.count)
        var failure: PostgresError?
        for step in steps {
            guard let result = try nextResult(pointer, until: deadline) else {
                throw PQstatus(pointer) == CONNECTION_BAD ? lost(pointer) : fail(.protocolViolation, "a statement has no result")
            }
            let status = result.status
            switch (step, status) {
            case (.sync, PGRES_PIPELINE_SYNC):
                // The only result that no nil follows.
                continue
            case (.deallocate(let name), PGRES_COMMAND_OK):
                statements.deallocated(name)
            case (.deallocate(let name), PGRES_FATAL_ERROR):
                let error = serverError(result, pointer, startedAt: start)
                guard handle != nil else { throw failure ?? error }
                if error.sqlState == "26000" { statements.deallocated(name) }
            case (.execute, PGRES_TUPLES_OK), (.execute, PGRES_COMMAND_OK), (.execute, PGRES_EMPTY_QUERY):
                rows.append(PostgresRows(result))
            case (.prepare, PGRES_COMMAND_OK), (.deallocate, PGRES_PIPELINE_ABORTED), (.execute, PGRES_PIPELINE_ABORTED):
                break
            case (.prepare(let key), PGRES_PIPELINE_ABORTED):
                statements.forget(key)
            case (_, PGRES_FATAL_ERROR):
                var error = serverError(result, pointer, startedAt: start)
                switch step {
                case .prepare(let key):
                    statements.forget(key)
                    error = error.about(sql: key.sql)
                case .execute(let index): error = error.about(query: queries[index])
                // What ends the session here comes behind the statements: the commit may have been made before.
                case .sync: if error.code == .connectionLost { error.sqlState = nil }
                case .deallocate: break
                }
                if failure == nil { failure = error }
                guard handle != nil else { throw failure ?? error }
            default:
                throw fail(.protocolViolation, "an unexpected result, status \(status.rawValue) (COPY needs copyIn)")
            }
            if try nextResult(pointer, until: deadline) != nil { throw fail(.protocolViolation, "a statement has two results") }
        }
        guard PQexitPipelineMode(pointer) == 1 else { throw failure ?? lost(pointer) }
        if let failure { throw failure }
        return rows
    }
}
